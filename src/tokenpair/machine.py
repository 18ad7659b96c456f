"""Cores and memory that this process may use; they decide the sizes of pools."""

import math
import os
import sys
from pathlib import Path, PurePosixPath

if sys.platform != "win32":
    import resource

_PROC = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def usable_cores(*, memberships: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return the number of cores that this process may use, at least 1.

    That is the smaller of its CPU affinity (`taskset`, a cpuset) and its cgroup's CPU quota
    (`docker run --cpus`, a Kubernetes limit), rounded up. `os.cpu_count()` counts the
    machine's cores, in a container often many more. The arguments are for tests:
    `/proc/self/cgroup`, and the folder where cgroups are mounted.
    """
    cores = _allowed_cores()
    quota = _cgroup_quota(memberships, cgroups)
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def usable_memory(*, memberships: Path = _PROC, cgroups: Path = _CGROUPS) -> int:
    """Return the most memory that this process may use, in bytes.

    That is the smallest of the machine's memory, its cgroup's limit (`docker run --memory`, a
    Kubernetes limit) and `ulimit -v`. The arguments are for tests, as above.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_address_space()]
    for line in _read(memberships).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files = [each / "memory.max" for each in _with_parents(cgroups, path)]
        elif "memory" in controllers.split(","):
            folders = _with_parents(cgroups / "memory", path)
            files = [each / "memory.limit_in_bytes" for each in folders]
        else:
            continue
        limits += [int(text) for each in files if (text := _read(each).strip()).isdecimal()]
    return min(limits)


def _address_space() -> list[int]:
    if sys.platform == "win32":
        return []
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if limit == resource.RLIM_INFINITY else [limit]


def _allowed_cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # Linux.
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cgroup_quota(memberships: Path, cgroups: Path) -> float | None:
    """Return the smallest quota, in cores, of this process's cgroups; None without one."""
    quotas = []
    for line in _read(memberships).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers:
            quotas += [_quota_v2(each) for each in _with_parents(cgroups, path)]
        elif "cpu" in controllers.split(","):
            quotas += [_quota_v1(each) for each in _with_parents(cgroups / "cpu", path)]
    return min((quota for quota in quotas if quota is not None), default=None)


def _with_parents(root: Path, path: str) -> list[Path]:
    """Return the folder of a cgroup and those above it.

    In a container the path may be the host's, while only the root is mounted.
    """
    inside = PurePosixPath(path.lstrip("/"))
    return [root / each for each in (inside, *inside.parents)]


def _quota_v2(folder: Path) -> float | None:
    return _cores(*_read(folder / "cpu.max").split())


def _quota_v1(folder: Path) -> float | None:
    return _cores(
        _read(folder / "cpu.cfs_quota_us").strip(), _read(folder / "cpu.cfs_period_us").strip()
    )


def _cores(*quota_and_period: str) -> float | None:
    """Return quota divided by period; None for a quota of `max` or -1, or without a file."""
    if len(quota_and_period) != 2 or not all(each.isdecimal() for each in quota_and_period):
        return None
    quota, period = map(int, quota_and_period)
    return quota / period if quota and period else None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
