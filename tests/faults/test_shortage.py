"""A lack of memory, threads or files is reported as such, not as a wrong password or request."""

import errno
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from argon2.exceptions import VerificationError

from tests.storages import database_url
from tokenpair.errors import Unavailable
from tokenpair.hashers.argon2 import Hasher
from tokenpair.passwords import Argon2Cost, Argon2Passwords, threads_for
from tokenpair.shortage import shortage
from tokenpair.testing import CHEAP

WELL = {"status": 200, "code": None, "retry": None}
SHORT = {"status": 503, "code": "unavailable", "retry": "1"}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


def squeezed(what: str, url: str) -> dict[str, Any]:
    """Run a process without a resource; see `tests.faults.squeezed`."""
    run = subprocess.run(
        [sys.executable, "-m", "tests.faults.squeezed", what, url],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_without_memory_for_a_hash_no_password_is_wrong(tmp_path: Path) -> None:
    told = squeezed("memory", f"sqlite:///{tmp_path}/test.db")

    assert told["answers"] == [WELL, SHORT, SHORT, SHORT, WELL]
    assert told["messages"] == [
        "POST /auth/login: unavailable (this machine is short of memory to hash a password)",
        "POST /auth/signup: unavailable (this machine is short of memory to hash a password)",
        "POST /large: unavailable (this machine is short of memory)",
    ]


def test_without_a_thread_for_a_hash_the_caller_is_told_to_retry(tmp_path: Path) -> None:
    told = squeezed("threads", f"sqlite:///{tmp_path}/test.db")

    assert told["answers"] == [SHORT, WELL]
    assert told["messages"] == [
        "POST /auth/login: unavailable (this machine is short of threads, or memory for them)"
    ]


def test_without_descriptors_the_log_says_what_is_short(url: str) -> None:
    told = squeezed("descriptors", url)

    assert told["answers"] == [SHORT, WELL]
    [message] = told["messages"]
    assert re.search(r"short of file descriptors|Too many open files", message)


async def test_a_place_is_given_back_when_its_thread_could_not_be_started() -> None:
    passwords = Argon2Passwords(Argon2Cost(memory_kib=8), threads=1, max_waiting=0)

    def nothing_left() -> None:
        raise MemoryError

    for _ in range(3):
        with pytest.raises(Unavailable, match="short of memory"):
            await passwords.in_turn(nothing_left)

    assert await passwords.hash("correct horse battery staple")


@pytest.mark.parametrize(
    ("error", "resource"),
    [
        (MemoryError(), "memory"),
        (OSError(errno.EMFILE, "Too many open files"), "file descriptors for this process"),
        (OSError(errno.ENFILE, "Too many open files in system"), "file descriptors"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk space"),
        (RuntimeError("can't start new thread"), "threads"),
    ],
    ids=["memory", "descriptors", "all_descriptors", "enomem", "disk", "threads"],
)
def test_each_resource_is_named(error: Exception, resource: str) -> None:
    wrapped = ValueError("while reading")
    wrapped.__cause__ = error

    for each in (error, wrapped):
        short = shortage(each)

        assert short is not None
        assert f"short of {resource}" in short.reason


@pytest.mark.parametrize(
    "error", [RuntimeError("a bug"), OSError(errno.ENOENT, "no such file"), ValueError()]
)
def test_a_bug_stays_a_bug(error: Exception) -> None:
    assert shortage(error) is None


async def test_a_hash_that_cannot_be_compared_for_another_reason_is_only_wrong() -> None:
    too_short = "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"
    hasher = Hasher(memory_cost=8, time_cost=1, parallelism=1, max_memory=8)

    with pytest.raises(VerificationError):
        hasher._hasher.verify(too_short, "x")
    assert not (await Argon2Passwords(CHEAP).verify("x", too_short)).is_right


def test_hashing_takes_as_many_threads_as_there_is_memory_for() -> None:
    assert threads_for(Argon2Cost(memory_kib=1 << 40)) == 1
    assert threads_for(Argon2Cost(memory_kib=8)) >= 1
