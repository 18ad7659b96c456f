"""`tokenpair login`, `whoami` and `logout`, at a real server."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import Response

from tests.cli.running import Command
from tests.cli.test_user_commands import read_until, terminal, typed
from tests.client.world import EMAIL, World, answer, running
from tokenpair.testing import PASSWORD


@pytest.fixture(scope="module")
def server() -> Iterator[World]:
    with running() as world:
        yield world


@pytest.fixture(autouse=True)
def home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))


def test_a_session_from_log_in_to_log_out(
    server: World, command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(f"{PASSWORD}\n", monkeypatch)
    url = server.auth_url

    assert command("login", url, "--email", EMAIL) == (0, f"logged in to {url}\n", "")
    status, who, _ = command("whoami")
    assert (status, who.split()[1:]) == (0, [EMAIL, "-"])
    assert (folder / "state/tokenpair/session.json").stat().st_mode & 0o777 == 0o600
    typed(PASSWORD, monkeypatch)
    assert command("login", "--email", EMAIL)[0] == 0
    assert command("login", "http://elsewhere.test/auth")[2] == (
        f"tokenpair: you are logged in to {url}: run tokenpair logout first\n"
    )
    assert command("logout", "--everywhere") == (0, f"logged out of {url}\n", "")
    assert command("logout") == (0, "you are not logged in\n", "")
    assert command("whoami") == (1, "", "tokenpair: not logged in: run tokenpair login URL\n")


def test_it_asks_terminal_and_shows_no_password(server: World) -> None:
    with terminal("login", server.auth_url) as (process, end):
        shown = read_until(end, "address: ")
        os.write(end, f"{EMAIL}\n".encode())
        shown += read_until(end, "Password: ")
        os.write(end, f"{PASSWORD}\n".encode())
        shown += read_until(end, "logged in to")

        assert process.wait() == 0
    assert PASSWORD not in shown


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("login",), "not logged in: run tokenpair login URL"),
        (("login", "example.com"), "the URL is invalid: write one such as"),
        (("login", "URL"), "there is no terminal to ask: add --email"),
        (("login", "URL", "--email", EMAIL), r"refused to log in \(invalid_credentials\)"),
        (("whoami", "--file", "/proc/version"), "/proc/version can be read by other users"),
        (("logout", "--file", "broken"), "broken is not a session of tokenpair-client"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line(
    server: World,
    command: Command,
    arguments: tuple[str, ...],
    complaint: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed("wrong", monkeypatch)
    (folder / "broken").write_text("{")
    (folder / "broken").chmod(0o600)

    status, out, err = command(*(server.auth_url if each == "URL" else each for each in arguments))

    assert (status, out) == (1, "")
    assert re.fullmatch(rf"tokenpair: .*{complaint}.*\n", err)


@pytest.mark.parametrize(
    "text",
    ["<h1>", "[]", '{"id": 1, "email": 2, "roles": 3}', "[" * 60_000],
    ids=["html", "list", "numbers", "deep"],
)
def test_an_answer_of_a_proxy_is_no_account(
    server: World, command: Command, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(PASSWORD, monkeypatch)
    command("login", server.auth_url, "--email", EMAIL)
    server.instead["/auth/me"] = answer(Response(text))

    status, out, err = command("whoami")

    server.instead.clear()
    assert (status, out) == (1, "")
    assert err == "tokenpair: the answer is not an account (status 200); check the URL\n"


def test_a_redirect_to_no_address_is_no_answer(
    server: World, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed(PASSWORD, monkeypatch)
    command("login", server.auth_url, "--email", EMAIL)
    server.instead["/auth/me"] = answer(Response(None, 302, {"Location": ":a:%|"}))

    status, out, err = command("whoami")

    server.instead.clear()
    assert (status, out) == (1, "")
    assert err == "tokenpair: the server did not answer (ValueError); try again later\n"
