"""Which users may read or change a file with a secret, and what to do about it."""

import os
import stat
import sys
from pathlib import Path

_WRITABLE = (
    "can be changed by others: run chmod 600 on it where it is kept, or set its mode in the "
    "orchestrator (Kubernetes: defaultMode: 0440; Compose: mode: 0440)"
)
_MOUNT_OR = (
    "let the orchestrator mount it read-only, as Kubernetes and Docker do with secrets; or, "
    "as root, run"
)
_ROOTS = f"{_MOUNT_OR} chmod 640 on it and chgrp to a group of this app's user"


def why_not_private(file: int) -> str | None:
    """Return why an open file must not hold a secret, and what to do; None if it may."""
    if sys.platform == "win32":
        return None
    found = os.fstat(file)
    return complaint(found, os.geteuid(), is_mounted=_is_read_only_mount(file, found))


def _is_read_only_mount(file: int, found: os.stat_result) -> bool:
    """Is the file on a read-only mount, as orchestrators mount secrets?"""
    is_read_only = bool(os.statvfs(file).f_flag & os.ST_RDONLY)
    return is_read_only and found.st_dev != Path("/").stat().st_dev


def complaint(found: os.stat_result, euid: int, *, is_mounted: bool = False) -> str | None:
    """Return why a file must not hold a secret of user `euid`, and what to do; None if it may.

    The rule is PostgreSQL's for its server's key: the file belongs to the user and is closed to
    others, or it belongs to root, who may let one group read it. With `is_mounted`, it is on a
    read-only mount: the platform has chosen owner and mode, and no process in the container can
    change them (a Kubernetes secret is root's with mode 0644, a Docker secret root's with 0444).
    Then only a file that others may write is refused.
    """
    if not stat.S_ISREG(found.st_mode):
        return None  # Reading it fails with an error of its own.
    if is_mounted:
        return _WRITABLE if found.st_mode & 0o022 else None
    if found.st_uid not in {euid, 0}:
        return (
            f"belongs to another user, with the id {found.st_uid}: {_MOUNT_OR} chown {euid} on it"
        )
    if found.st_uid == euid and found.st_mode & (0o037 if euid == 0 else 0o077):
        return "can be read or changed by others: run chmod 600 on it"
    if found.st_uid == 0 and found.st_mode & 0o037:
        return f"can be read or changed by others: {_ROOTS}"
    return None


def how_to_let_in(path: Path) -> str:
    """Return what to do about a file that this user may not read; "" if that is unknown."""
    if sys.platform == "win32":
        return ""
    try:
        found = path.stat()
    except OSError:
        return ""
    return (
        f"; its mode is {stat.S_IMODE(found.st_mode):04o}, its user {found.st_uid} and its group "
        f"{found.st_gid}, and this app runs as user {os.geteuid()}: run chown on it, or in "
        "Kubernetes set fsGroup, and in Compose the secret's uid"
    )
