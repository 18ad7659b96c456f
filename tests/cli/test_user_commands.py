"""Commands that replace a password, verify an address and delete an account."""

import asyncio
import io
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.cli.running import IN_FRONT, Command, with_auth
from tests.waiting import LIMIT_SECONDS
from tokenpair import Auth
from tokenpair.errors import InvalidCredentials, SessionEnded, StaleToken
from tokenpair.testing import PASSWORD

EMAIL = "ada@example.com"
NEW = "zwei Igel trinken Kaffee"

_T = TypeVar("_T")

RUN = [sys.executable, "-c", f"{IN_FRONT}; from tokenpair.__main__ import main; main()"]


def typed(text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the standard input by a text."""
    data = text if isinstance(text, bytes) else text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8"))


def in_app(use: Callable[[Auth], Awaitable[_T]]) -> _T:
    """Call `use` with an `Auth` on the database of the folder, and return its result."""

    async def run() -> _T:
        async with Auth.from_settings() as auth:
            return await use(auth)

    return asyncio.run(run())


async def access_token(auth: Auth) -> str:
    return (await auth.log_in(email=EMAIL, password=PASSWORD)).access_token


async def log_in_with_new_password(auth: Auth) -> None:
    assert await auth.log_in(email=EMAIL, password=NEW)
    with pytest.raises(InvalidCredentials):
        await auth.log_in(email=EMAIL, password=PASSWORD)


async def log_in_with_old_password(auth: Auth) -> None:
    assert await auth.log_in(email=EMAIL, password=PASSWORD)


# Passwords.


@pytest.mark.parametrize("text", [NEW, f"{NEW}\n", f"{NEW}\r\n"], ids=["bare", "line", "dos_line"])
def test_a_password_is_read_from_the_standard_input_and_ends_the_sessions(
    command: Command, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    with_auth(EMAIL)
    token = in_app(access_token)

    async def is_ended(auth: Auth) -> None:
        with pytest.raises((SessionEnded, StaleToken)):
            await auth.verify_access(token)

    typed(text, monkeypatch)

    status, out, err = command("users", "password", "ADA@example.com")

    assert (status, err, out.split()[1:]) == (0, "", [EMAIL, "-"])
    in_app(is_ended)
    in_app(log_in_with_new_password)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param("short", "password: is shorter than 15 characters", id="short"),
        pytest.param("ada@example.com 12", "password: has fewer than 8 letters", id="own_words"),
        pytest.param("", "the standard input has no password: write it there", id="nothing"),
        pytest.param("\r\n", "the standard input has no password: write it there", id="empty"),
        pytest.param(f"{NEW}\n{NEW}\n", "has more than one line", id="two_lines"),
        pytest.param(b"\xff" * 20, "is not in UTF-8", id="no_utf8"),
        pytest.param("x" * 10_000, "password: is longer than 1024 characters", id="long"),
        pytest.param(f"{NEW}\x00", "password: ", id="nul"),
    ],
)
def test_an_invalid_password_is_reported_in_one_line_and_changes_nothing(
    command: Command, monkeypatch: pytest.MonkeyPatch, text: str | bytes, complaint: str
) -> None:
    with_auth(EMAIL)
    typed(text, monkeypatch)

    status, out, err = command("users", "password", EMAIL)

    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert err.startswith("tokenpair: ")
    assert complaint in err
    in_app(log_in_with_old_password)


def test_a_password_is_not_accepted_as_an_argument(command: Command) -> None:
    """Other users of the machine can see the arguments of a process."""
    status, _, err = command("users", "password", EMAIL, NEW)

    assert status == 2
    assert NEW not in err


@contextmanager
def terminal(*arguments: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a command on a terminal of its own; yield it, and the other end of the terminal."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        [*RUN, *arguments], stdin=its, stdout=its, stderr=its, start_new_session=True
    ) as process:
        os.close(its)
        try:
            yield process, ours
        finally:
            process.kill()
            os.close(ours)


def read_until(end: int, text: str) -> str:
    """Read from a terminal until it shows a text, or until the command has ended."""
    seen = b""
    while text.encode() not in seen:
        try:
            seen += os.read(end, 1024)
        except OSError:  # Linux: the other end is closed.
            break
    return seen.decode()


def test_on_a_terminal_the_password_is_asked_for_twice_and_not_shown() -> None:
    with_auth(EMAIL)

    with terminal("users", "password", EMAIL) as (process, end):
        assert read_until(end, ": ").endswith(f"New password for {EMAIL}: ")
        os.write(end, f"{NEW}\n".encode())
        shown = read_until(end, "again: ")
        os.write(end, f"{NEW}\n".encode())
        shown += read_until(end, EMAIL)
        assert process.wait(LIMIT_SECONDS) == 0

    assert NEW not in shown
    in_app(log_in_with_new_password)


def test_two_passwords_that_differ_change_nothing() -> None:
    with_auth(EMAIL)

    with terminal("users", "password", EMAIL) as (process, end):
        read_until(end, ": ")
        os.write(end, f"{NEW}\n".encode())
        read_until(end, "again: ")
        os.write(end, f"{NEW}!\n".encode())
        shown = read_until(end, "changed")
        assert process.wait(LIMIT_SECONDS) == 1

    assert "the two passwords differ; nothing was changed" in shown
    in_app(log_in_with_old_password)


def test_ctrl_c_at_a_question_ends_the_command_and_repairs_the_terminal() -> None:
    with_auth(EMAIL)

    with terminal("users", "password", EMAIL) as (process, end):
        read_until(end, ": ")
        assert not termios.tcgetattr(end)[3] & termios.ECHO
        process.send_signal(signal.SIGINT)
        shown = read_until(end, "Traceback")
        assert process.wait(LIMIT_SECONDS) == 130
        assert termios.tcgetattr(end)[3] & termios.ECHO

    assert "Traceback" not in shown
    in_app(log_in_with_old_password)


# Addresses.


def test_an_address_is_verified_and_older_tokens_are_stale(command: Command) -> None:
    with_auth(EMAIL)
    token = in_app(access_token)

    async def look(auth: Auth) -> None:
        with pytest.raises(StaleToken):
            await auth.verify_access(token)
        pair = await auth.log_in(email=EMAIL, password=PASSWORD)
        claims = await auth.verify_access(pair.access_token)
        assert (await auth.get_user(claims.subject)).email_verified_at is not None

    status, out, err = command("users", "verify", EMAIL)

    assert (status, err, out.split()[1:]) == (0, "", [EMAIL, "-"])
    in_app(look)


# Deleting.


def test_an_account_is_deleted_without_a_question(command: Command) -> None:
    with_auth(EMAIL, "bob@example.com")
    token = in_app(access_token)

    async def look(auth: Auth) -> None:
        with pytest.raises(SessionEnded):
            await auth.verify_access(token)
        with pytest.raises(InvalidCredentials):
            await auth.log_in(email=EMAIL, password=PASSWORD)

    status, out, err = command("users", "delete", EMAIL, "--yes")

    assert (status, err, out.split()[1:]) == (0, "", [EMAIL, "deleted"])
    assert [line.split()[1] for line in command("users", "list")[1].splitlines()] == [
        "bob@example.com"
    ]
    in_app(look)
    with_auth(EMAIL)


def test_without_a_terminal_only_the_option_yes_deletes(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_auth(EMAIL)
    typed("yes\n", monkeypatch)

    status, out, err = command("users", "delete", EMAIL)

    assert (status, out) == (1, "")
    assert err == "tokenpair: there is no terminal to ask: add --yes if you are sure\n"
    in_app(log_in_with_old_password)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param("yes\n", 0, id="yes"),
        pytest.param("y\n", 0, id="y", marks=pytest.mark.long),
        pytest.param("no\n", 1, id="no", marks=pytest.mark.long),
        pytest.param("\n", 1, id="empty"),
        pytest.param("\x04", 1, id="end", marks=pytest.mark.long),
    ],
)
def test_an_account_is_deleted_if_the_operator_says_yes(
    command: Command, answer: str, status: int
) -> None:
    with_auth(EMAIL)

    with terminal("users", "delete", EMAIL) as (process, end):
        question = read_until(end, "] ")
        os.write(end, answer.encode())
        read_until(end, "deleted" if status == 0 else "nothing was changed")
        assert process.wait(LIMIT_SECONDS) == status

    assert question.endswith(f"Delete the account {EMAIL} and all its sessions? [yes/no] ")
    assert bool(command("users", "list")[1]) is (status != 0)


# Accounts that do not exist.


@pytest.mark.parametrize(
    "arguments", [("password",), ("verify",), ("delete", "--yes")], ids=lambda each: each[0]
)
def test_an_unknown_account_is_reported_in_one_line(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    with_auth(EMAIL)
    typed(NEW, monkeypatch)

    status, out, err = command("users", arguments[0], "bob@example.com", *arguments[1:])

    database = f"sqlite:///{folder}/data/tokenpair.db"
    assert (status, out) == (1, "")
    assert err == f"tokenpair: {database} has no account with the address bob@example.com\n"
