"""Which users may read or change a key file."""

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.keys.files import adding, mode_of, read_or_create_keyring
from tests.tools import program
from tokenpair import Key
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import (
    change_keyring,
    read_keyring,
)
from tokenpair.private_file import complaint


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o620, 0o602, 0o660, 0o777])
def test_a_file_that_others_can_read_or_change_is_refused(path: Path, mode: int) -> None:
    read_or_create_keyring(path)
    path.chmod(mode)

    with pytest.raises(ConfigurationError, match="by others: run chmod 600 on it"):
        read_keyring(path)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o700])
def test_a_file_that_only_its_owner_can_read_is_accepted(path: Path, mode: int) -> None:
    made = read_or_create_keyring(path)
    path.chmod(mode)

    assert read_keyring(path).signing.kid == made.signing.kid


ME, ROOT, ANOTHER, UNRELATED = 1000, 0, 1001, 65534


@pytest.mark.parametrize(
    ("owner", "mode", "user", "refusal"),
    [
        pytest.param(ME, 0o600, ME, None, id="mine"),
        pytest.param(ME, 0o640, ME, "by others", id="mine-for-a-group"),
        pytest.param(ROOT, 0o640, ME, None, id="roots-for-my-group"),
        pytest.param(ROOT, 0o640, ROOT, None, id="roots-own-for-a-group"),
        pytest.param(ROOT, 0o644, ME, "by others", id="roots-readable-by-all"),
        pytest.param(ROOT, 0o660, ME, "by others", id="roots-that-a-group-can-change"),
        pytest.param(ANOTHER, 0o600, ME, "another user", id="anothers"),
        pytest.param(ANOTHER, 0o600, ROOT, "another user", id="anothers-before-root"),
    ],
)
def test_which_owners_and_modes_are_trusted(
    owner: int, mode: int, user: int, refusal: str | None
) -> None:
    said = complaint(a_file(owner, mode), user)

    assert (refusal in said) if refusal and said else (said is None and refusal is None)


def a_file(owner: int, mode: int) -> os.stat_result:
    return os.stat_result((stat.S_IFREG | mode, 0, 0, 1, owner, 0, 0, 0, 0, 0))


@pytest.mark.parametrize(
    ("owner", "mode", "user"),
    [
        pytest.param(ROOT, 0o644, ME, id="kubernetes"),
        pytest.param(ROOT, 0o440, ME, id="kubernetes-with-fsgroup-and-mode"),
        pytest.param(ROOT, 0o444, ME, id="docker"),
        pytest.param(ROOT, 0o444, ROOT, id="docker-as-root"),
        pytest.param(ANOTHER, 0o644, ME, id="compose-with-the-hosts-user"),
        pytest.param(ANOTHER, 0o600, ROOT, id="compose-with-the-hosts-user-as-root"),
    ],
)
def test_a_mounted_secret_is_trusted_in_the_platforms_own_mode(
    owner: int, mode: int, user: int
) -> None:
    assert complaint(a_file(owner, mode), user, is_mounted=True) is None


@pytest.mark.parametrize("mode", [0o664, 0o666, 0o646, 0o620])
def test_a_mounted_secret_that_others_may_write_is_refused(mode: int) -> None:
    said = complaint(a_file(ROOT, mode), ME, is_mounted=True)

    assert said is not None
    assert "can be changed by others" in said
    assert "defaultMode" in said


def test_the_advice_about_roots_file_does_not_ask_its_reader_to_chmod_it() -> None:
    said = complaint(a_file(ROOT, 0o644), ME)

    assert said is not None
    assert "as root, run chmod 640 on it and chgrp" in said
    assert "mount it read-only" in said


def test_a_file_that_may_not_be_read_is_told_with_its_owner(path: Path) -> None:
    read_or_create_keyring(path)
    path.parent.chmod(0o755)

    with as_another_user(path), pytest.raises(ConfigurationError) as caught:
        read_keyring(path)

    said = str(caught.value)
    assert "cannot be read: Permission denied; its mode is " in said
    assert "fsGroup" in said


@contextmanager
def as_another_user(path: Path) -> Iterator[None]:
    """Run as a user who may not read the file: root switches users, others change its mode."""
    user = os.geteuid()
    if user == 0:
        for folder in path.parents:
            if folder.is_relative_to(Path(tempfile.gettempdir())):
                folder.chmod(0o755)
        os.seteuid(UNRELATED)
    else:
        path.chmod(0o000)
    try:
        yield
    finally:
        os.seteuid(user)


# Mounts a folder read-only, with the layout of Kubernetes, and reads the key file in it.
MOUNTED = """
import os, sys
from pathlib import Path
from tokenpair.key_file import read_keyring
print(read_keyring(Path(sys.argv[1])).signing.kid)
"""


@pytest.mark.long
@pytest.mark.parametrize("mode", [0o644, 0o444, 0o440])
def test_a_secret_on_a_read_only_mount_is_read(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "secret"
    version = folder / "..2026_01_01"
    made = read_or_create_keyring(version / "keys.json")
    (version / "keys.json").chmod(mode)
    (folder / "..data").symlink_to(version.name)
    (folder / "keys.json").symlink_to("..data/keys.json")
    mount = tmp_path / "mount"
    mount.mkdir()
    script = f"""
mount -t tmpfs tmpfs {mount} && cp -a {folder}/. {mount}/ && mount -o remount,ro {mount} &&
exec {sys.executable} -c "$0" {mount}/keys.json
"""

    run = subprocess.run(
        [program("unshare"), "-rm", "sh", "-c", script, MOUNTED],
        capture_output=True,
        text=True,
        check=False,
    )

    assert run.stdout.strip() == made.signing.kid, run.stderr


def test_a_change_keeps_who_may_read_the_file(path: Path) -> None:
    read_or_create_keyring(path)
    path.chmod(0o400)

    change_keyring(path, adding(Key.generate()))

    assert mode_of(path) == 0o400
