"""`tokenpair users`: see accounts, and what an administrator does to them."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated

import typer

from tokenpair.assembly import make_storage
from tokenpair.auth import utc_now
from tokenpair.core.counts import Tally
from tokenpair.core.email import EmailAddress
from tokenpair.core.user import User
from tokenpair.errors import NotFound
from tokenpair.flows.administer import Disable, Enable, SetRoles
from tokenpair.flows.me import GetUser
from tokenpair.ports import Storage
from tokenpair.settings import Settings

app = typer.Typer(name="users", help="The accounts.", no_args_is_help=True)

Email = Annotated[str, typer.Argument(help="The account's e-mail address.", metavar="EMAIL")]


@app.command("list")
def list_users(
    limit: Annotated[
        int, typer.Option(min=1, max=10_000, metavar="NUMBER", help="How many at most.")
    ] = 100,
) -> None:
    """List the newest accounts: id, address, roles, and whether disabled."""

    async def run(storage: Storage) -> None:
        async with storage.reading() as look:
            for user in await look.users.list(limit=limit):
                _show(user)

    _with_storage(run)


@app.command("roles")
def set_roles(
    email: Email,
    roles: Annotated[
        list[str] | None,
        typer.Argument(help="All the roles it shall have; none: take all away.", metavar="ROLE"),
    ] = None,
) -> None:
    """Replace an account's roles: `tokenpair users roles ada@example.com admin`.

    Access tokens that it holds turn stale at once; its clients renew, and go on.
    """
    _change(email, lambda storage, user: SetRoles(storage=storage)(user.id, frozenset(roles or ())))


@app.command("disable")
def disable(email: Email) -> None:
    """Disable an account and end all its sessions."""

    async def change(storage: Storage, user: User) -> None:
        # Nobody sees what a command has counted.
        await Disable(storage=storage, clock=utc_now, tally=Tally())(user.id)

    _change(email, change)


@app.command("enable")
def enable(email: Email) -> None:
    """Let a disabled account log in again. Its old sessions stay ended."""
    _change(email, lambda storage, user: Enable(storage=storage)(user.id))


def _change(email: str, change: Callable[[Storage, User], Awaitable[None]]) -> None:
    async def run(storage: Storage) -> None:
        user = await _find(storage, email)
        await change(storage, user)
        _show(await GetUser(storage=storage)(user.id))

    _with_storage(run)


def _with_storage(run: Callable[[Storage], Awaitable[None]]) -> None:
    """Use the database of the settings; nothing is made, for here would be the wrong place."""

    async def opened() -> None:
        settings = Settings.read()
        storage = make_storage(settings, must_exist=True)
        try:
            await storage.open(migrate=False, access=settings.lifetimes.access)
            await run(storage)
        finally:
            await storage.close()

    asyncio.run(opened())


async def _find(storage: Storage, email: str) -> User:
    async with storage.reading() as look:
        if user := await look.users.by_email(EmailAddress.parse(email)):
            return user
    raise NotFound(f"there is no account with the address {email}")


def _show(user: User) -> None:
    roles = ",".join(sorted(user.roles)) or "-"
    state = "" if user.is_enabled else "  disabled"
    typer.echo(f"{user.id}  {user.email.typed}  {roles}{state}")
