import os
import resource
from pathlib import Path

import pytest

from tokenpair.machine import usable_cores, usable_memory

ALLOWED = len(os.sched_getaffinity(0))


def cores(folder: Path, membership: str, files: dict[str, str]) -> int:
    (folder / "membership").write_text(membership)
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return usable_cores(memberships=folder / "membership", cgroups=folder)


def test_without_a_quota_the_affinity_counts(tmp_path: Path) -> None:
    assert cores(tmp_path, "0::/\n", {"cpu.max": "max 100000\n"}) == ALLOWED


def test_cores_that_this_process_may_not_use_do_not_count(tmp_path: Path) -> None:
    every = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(every)})
    try:
        assert cores(tmp_path, "", {}) == 1
    finally:
        os.sched_setaffinity(0, every)


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", {"cpu.max": "100000 100000\n"}),
        ("0::/a/b\n", {"a/b/cpu.max": "50000 100000\n"}),
        ("0::/a/b\n", {"a/b/cpu.max": "max 100000\n", "a/cpu.max": "20000 100000\n"}),
        ("0::/the/hosts/path\n", {"cpu.max": "100000 100000\n"}),
        (
            "4:cpu,cpuacct:/docker/x\n1:memory:/\n0::/\n",
            {"cpu/cpu.cfs_quota_us": "100000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        ),
    ],
    ids=["root", "own", "parents", "path of the host", "version 1"],
)
def test_a_containers_quota_counts(tmp_path: Path, membership: str, files: dict[str, str]) -> None:
    assert cores(tmp_path, membership, files) == 1


def test_a_quota_of_a_core_and_a_half_is_rounded_up(tmp_path: Path) -> None:
    expected = min(2, ALLOWED)

    assert cores(tmp_path, "0::/\n", {"cpu.max": "150000 100000\n"}) == expected


@pytest.mark.parametrize("text", ["", "no numbers", "0 0", "-1 100000", "1"])
def test_a_quota_that_cannot_be_read_is_no_limit(tmp_path: Path, text: str) -> None:
    assert cores(tmp_path, "0::/\n", {"cpu.max": text}) == ALLOWED


MACHINES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def memory(folder: Path, membership: str, files: dict[str, str]) -> int:
    cores(folder, membership, files)
    return usable_memory(memberships=folder / "membership", cgroups=folder)


@pytest.mark.parametrize(
    ("membership", "files"),
    [
        ("0::/\n", {"memory.max": "268435456\n"}),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "268435456\n"}),
        ("4:cpu:/\n1:memory:/docker/x\n", {"memory/memory.limit_in_bytes": "268435456\n"}),
    ],
    ids=["own", "parents", "version 1"],
)
def test_a_containers_memory_counts(tmp_path: Path, membership: str, files: dict[str, str]) -> None:
    assert memory(tmp_path, membership, files) == 256 * 1024 * 1024


@pytest.mark.parametrize("text", ["max\n", "", "9223372036854771712"])
def test_without_a_limit_the_machines_memory_counts(tmp_path: Path, text: str) -> None:
    assert memory(tmp_path, "0::/\n", {"memory.max": text}) == MACHINES


def test_a_limit_of_the_shell_counts(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MACHINES - 4096, before[1]))
    try:
        assert memory(tmp_path, "", {}) == MACHINES - 4096
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
