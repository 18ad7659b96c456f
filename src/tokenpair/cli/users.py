"""`tokenpair users`: see accounts, and what an administrator does to them."""

import asyncio
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from tokenpair.assembly import make_storage
from tokenpair.auth import utc_now
from tokenpair.cli.command import Command, Group, number
from tokenpair.core.counts import Tally
from tokenpair.core.email import EmailAddress
from tokenpair.core.user import User
from tokenpair.errors import NotFound
from tokenpair.flows.administer import Disable, Enable, SetRoles
from tokenpair.flows.me import GetUser
from tokenpair.ports import Storage
from tokenpair.settings import Settings

Result = TypeVar("Result")


def list_users(*, limit: int) -> None:
    """List the newest accounts: id, address, roles, and whether disabled."""

    async def run(storage: Storage) -> Sequence[User]:
        async with storage.reading() as look:
            return await look.users.list(limit=limit)

    # Printed after the transaction: a slow reader of the output must not hold it open.
    for user in _with_storage(run):
        _show(user)


def set_roles(*, email: str, roles: list[str]) -> None:
    """Replace an account's roles: `tokenpair users roles ada@example.com admin`.

    Access tokens that it holds turn stale at once; its clients renew, and go on.
    """
    _change(email, lambda storage, user: SetRoles(storage=storage)(user.id, frozenset(roles)))


def disable(*, email: str) -> None:
    """Disable an account and end all its sessions."""

    async def change(storage: Storage, user: User) -> None:
        # The counts of a command reach no metrics.
        await Disable(storage=storage, clock=utc_now, tally=Tally())(user.id)

    _change(email, change)


def enable(*, email: str) -> None:
    """Let a disabled account log in again. Its old sessions stay ended."""
    _change(email, lambda storage, user: Enable(storage=storage)(user.id))


def _change(email: str, change: Callable[[Storage, User], Awaitable[None]]) -> None:
    async def run(storage: Storage) -> User:
        user = await _find(storage, email)
        await change(storage, user)
        return await GetUser(storage=storage)(user.id)

    _show(_with_storage(run))


def _with_storage(run: Callable[[Storage], Awaitable[Result]]) -> Result:
    """Use the database of the settings, which must exist: a new one here would be the wrong one."""

    async def opened() -> Result:
        settings = Settings.read()
        storage = make_storage(settings, must_exist=True)
        try:
            await storage.open(migrate=False)
            return await run(storage)
        finally:
            await storage.close()

    return asyncio.run(opened())


async def _find(storage: Storage, email: str) -> User:
    async with storage.reading() as look:
        if found := await look.users.by_email(EmailAddress.parse(email)):
            return found.user
    raise NotFound(f"there is no account with the address {email}")


def _show(user: User) -> None:
    roles = ",".join(sorted(user.roles)) or "-"
    state = "" if user.is_enabled else "  disabled"
    print(f"{user.id}  {user.email.typed}  {roles}{state}")


def _limit_option(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--limit",
        type=number(1, 10_000),
        default=100,
        metavar="NUMBER",
        help="Highest number of accounts, up to 10000 (default: %(default)s).",
    )


def _email_argument(parser: ArgumentParser) -> None:
    parser.add_argument("email", metavar="EMAIL", help="The account's e-mail address.")


def _roles_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "roles",
        nargs="*",
        metavar="ROLE",
        help="All the roles that the account shall have. Without any, it loses all of them.",
    )


GROUP = Group(
    "users",
    "The accounts.",
    [
        Command("list", list_users, [_limit_option]),
        Command("roles", set_roles, [_email_argument, _roles_argument]),
        Command("disable", disable, [_email_argument]),
        Command("enable", enable, [_email_argument]),
    ],
)
