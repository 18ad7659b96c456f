"""How to decide who gets an account: the page's code and commands do what it says."""

import json
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from tests.docs.reading import HOW_TO, blocks
from tests.docs.shell import Shell
from tests.docs.test_how_to import executed
from tests.waiting import wait_until
from tokenpair import Device
from tokenpair.testing import PASSWORD

PAGE = HOW_TO / "sign-up.md"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_users_are_invited_by_command_and_in_code(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    page = executed(PAGE)
    auth = page["auth"]
    (request,) = re.findall(r"--json '(.*)'", blocks(PAGE, "console")[0])

    def tokens() -> list[str]:
        return re.findall(r"/invitation#token=(\S{64})", caplog.text)

    with TestClient(page["app"]) as client:
        assert client.portal
        Shell(tmp_path).run("\n".join(blocks(PAGE, "sh")))
        client.portal.call(auth._parts.mailer.loop.drain)
        wait_until(lambda: len(tokens()) == 1)
        client.portal.call(page["invite_editor"], "bob@example.com")
        wait_until(lambda: len(tokens()) == 2)
        ada, bob = tokens()
        body = json.loads(request) | {"token": ada}
        answers = [client.post("/auth/invitations/accept", json=body) for _ in range(2)]
        user = client.portal.call(page["accept"], bob, PASSWORD, Device())

    assert [each.status_code for each in answers] == [201, 400]
    assert answers[0].json()["roles"] == ["editor"]
    assert answers[0].json()["email_verified"] is True
    assert (user.email.typed, user.roles) == ("bob@example.com", frozenset({"editor"}))


def test_the_app_makes_accounts_and_chooses_roles() -> None:
    page = executed(PAGE)

    with TestClient(page["app"]) as client:
        assert client.portal
        client.portal.call(page["create_account"], "ada@example.com")
        bob = {"email": "bob@Staff.Example.com", "password": PASSWORD}
        roles = client.post("/auth/signup", json=bob).json()["roles"]
        users = client.portal.call(addresses, page)

    assert roles == ["unverified-staff"]
    assert users == {"ada@example.com", "bob@Staff.Example.com"}


async def addresses(page: dict[str, object]) -> set[str]:
    auth = page["auth"]
    async with auth.storage.reading() as look:  # type: ignore[attr-defined]  # An `Auth`.
        return {each.email.typed for each in await look.users.list(limit=10)}
