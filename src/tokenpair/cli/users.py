"""`tokenpair users`: list accounts, and administer them."""

import sys
from argparse import ArgumentParser
from collections.abc import Awaitable, Callable, Sequence

from tokenpair.cli.asking import read_password, require_yes
from tokenpair.cli.command import Command, Group, number
from tokenpair.cli.database import database_url_option, read_settings, with_storage
from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.user import User
from tokenpair.errors import NotFound
from tokenpair.flows.accounts.administer import Disable, Enable, MarkVerified, SetRoles
from tokenpair.flows.accounts.change_password import SetPassword
from tokenpair.flows.accounts.delete import DeleteUser
from tokenpair.flows.accounts.invite import Invite
from tokenpair.flows.accounts.profile import GetUser
from tokenpair.parts import Parts
from tokenpair.stores.sql import SqlStorage

_NO_SMTP = (
    "tokenpair users invite: TOKENPAIR_SMTP_URL is not set here; the invitation waits until an app "
    "runs that has it, or that passes mail_sender=... to Auth.from_settings"
)


def list_users(*, limit: int, database_url: str | None) -> None:
    """List the newest accounts: id, address, roles, and whether disabled."""

    async def run(storage: SqlStorage) -> Sequence[User]:
        async with storage.reading() as look:
            return await look.users.list(limit=limit)

    # Printed after the transaction: a slow reader of the output must not hold it open.
    for user in with_storage(read_settings(database_url), run):
        _show(user)


def set_roles(*, email: str, roles: list[str], database_url: str | None) -> None:
    """Replace an account's roles: `tokenpair users roles ada@example.com admin`.

    Its access tokens are stale at once; its clients renew and continue. No hook of the app runs.
    """

    async def change(parts: Parts, user: User) -> None:
        await parts.build(SetRoles)(user.id, frozenset(roles))

    _change(database_url, email, change)


def disable(*, email: str, database_url: str | None) -> None:
    """Disable an account and end all its sessions.

    No hook of the app runs.
    """
    _change(database_url, email, lambda parts, user: parts.build(Disable)(user.id))


def enable(*, email: str, database_url: str | None) -> None:
    """Let a disabled account log in again. Its old sessions stay ended.

    No hook of the app runs.
    """
    _change(database_url, email, lambda parts, user: parts.build(Enable)(user.id))


def set_password(*, email: str, database_url: str | None) -> None:
    """Replace an account's password and end all its sessions.

    It asks for the new password, or reads one line of the standard input. The rules of a new
    password apply, but not the app's breach check, and no hook of the app runs.
    """
    settings = read_settings(database_url)
    user = with_storage(settings, lambda storage: _find(storage, email))
    # Read while no connection is open: an operator may take long.
    password = read_password(f"New password for {user.email.typed}")
    with_storage(
        settings,
        lambda storage: Parts.from_settings(settings, storage).build(SetPassword)(
            user.id, password
        ),
    )
    _show(user)


def verify(*, email: str, database_url: str | None) -> None:
    """Mark an account's address as verified, as the link in a mail does.

    No hook of the app runs.
    """
    _change(database_url, email, lambda parts, user: parts.build(MarkVerified)(user.id))


def delete(*, email: str, yes: bool, database_url: str | None) -> None:
    """Delete an account with its sessions. Another user may sign up with its address.

    It asks first, unless --yes is there. No hook of the app runs: delete its own rows of the user
    with a script of the app that calls `auth.delete`.
    """
    settings = read_settings(database_url)
    user = with_storage(settings, lambda storage: _find(storage, email))
    if not yes:
        require_yes(f"Delete the account {user.email.typed} and all its sessions?")
    with_storage(
        settings,
        lambda storage: Parts.from_settings(settings, storage).build(DeleteUser)(user.id),
    )
    print(f"{user.id}  {user.email.typed}  deleted")


def invite(*, email: str, roles: list[str], database_url: str | None) -> None:
    """Invite an address, with the roles of the account to be.

    The running app mails a link, which is valid for seven days and replaces an older one. Without a
    role, the account gets the default roles of the app that accepts the invitation.
    """
    settings = read_settings(database_url)

    async def run(storage: SqlStorage) -> None:
        flow = Parts.from_settings(settings, storage).build(Invite)
        await flow(email=email, roles=frozenset(roles) if roles else None)

    with_storage(settings, run)
    print(f"{email}  invited")
    if settings.is_production and not settings.smtp_url:
        print(_NO_SMTP, file=sys.stderr)


def _change(
    database_url: str | None, email: str, change: Callable[[Parts, User], Awaitable[None]]
) -> None:
    settings = read_settings(database_url)

    async def run(storage: SqlStorage) -> User:
        parts = Parts.from_settings(settings, storage)
        user = await _find(storage, email)
        await change(parts, user)
        return await parts.build(GetUser)(user.id)

    _show(with_storage(settings, run))


async def _find(storage: SqlStorage, email: str) -> User:
    async with storage.reading() as look:
        if found := await look.users.by_email(EmailAddress.parse(email)):
            return found.user
    raise NotFound(f"{storage.name} has no account with the address {email}")


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


def _yes_option(parser: ArgumentParser) -> None:
    parser.add_argument("--yes", action="store_true", help="Do not ask.")


def _roles_argument(parser: ArgumentParser) -> None:
    parser.add_argument(
        "roles",
        nargs="*",
        metavar="ROLE",
        help="The new roles of the account. Without a role, all its roles are removed.",
    )


def _roles_of_invited(parser: ArgumentParser) -> None:
    parser.add_argument("roles", nargs="*", metavar="ROLE", help="The roles of the account to be.")


GROUP = Group(
    "users",
    "The accounts.",
    [
        Command("list", list_users, [_limit_option, database_url_option]),
        Command("invite", invite, [_email_argument, _roles_of_invited, database_url_option]),
        Command("roles", set_roles, [_email_argument, _roles_argument, database_url_option]),
        Command("disable", disable, [_email_argument, database_url_option]),
        Command("enable", enable, [_email_argument, database_url_option]),
        Command("password", set_password, [_email_argument, database_url_option]),
        Command("verify", verify, [_email_argument, database_url_option]),
        Command("delete", delete, [_email_argument, _yes_option, database_url_option]),
    ],
)
