"""What must happen to accounts, sessions and tokens, said as simply as possible.

It knows nothing of the library: no hashes, no signatures, no storage. Each method returns the code
of the error that must be raised, or an empty text where the call must succeed.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

ACCESS = timedelta(minutes=10)
RECENT = timedelta(minutes=5)
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(eq=False)
class Account:
    """An account. `version` rises with every change that makes access tokens stale."""

    address: str
    password: str
    is_verified: bool = False
    is_disabled: bool = False
    is_deleted: bool = False
    passwords: int = 0
    """How often the password was replaced."""
    roles: frozenset[str] = frozenset()
    version: int = 0
    sessions: list["Session"] = field(default_factory=list)

    def end_sessions(self, but: "Session | None" = None) -> None:
        """End every session, except one."""
        for session in self.sessions:
            session.is_live = session.is_live and session is but

    def verify(self) -> None:
        """Count the address as verified, which access tokens tell."""
        self.version += not self.is_verified
        self.is_verified = True

    @property
    def live(self) -> list["Session"]:
        """The sessions that have not ended."""
        return [each for each in self.sessions if each.is_live]


@dataclass(eq=False)
class Session:
    """A session, and the access token that its device got last."""

    account: Account
    authenticated_at: datetime
    is_live: bool = True
    issued_at: datetime = NEVER
    version: int = 0
    says_verified: bool = False

    def get_access_token(self, now: datetime) -> None:
        """Get an access token, which tells the account's state now."""
        self.issued_at, self.version = now, self.account.version
        self.says_verified = self.account.is_verified

    def access(self, now: datetime) -> str:
        """Present the access token."""
        if now >= self.issued_at + ACCESS:
            return "token_expired"
        if not self.is_live:
            return "session_ended"
        return "token_stale" if self.version < self.account.version else ""


@dataclass
class Life:
    """All accounts."""

    accounts: list[Account] = field(default_factory=list)

    def at(self, address: str) -> Account | None:
        """Return the account that has an address."""
        found = [each for each in self.accounts if each.address == address and not each.is_deleted]
        return found[0] if found else None

    def sign_up(self, address: str, password: str) -> str:
        """Make an account."""
        if self.at(address):
            return "email_taken"
        self.accounts.append(Account(address, password))
        return ""

    def log_in(self, address: str, password: str, now: datetime) -> Session | None:
        """Open a session; None where it is refused."""
        account = self.at(address)
        if not account or account.is_disabled or account.password != password:
            return None
        session = Session(account, authenticated_at=now)
        session.get_access_token(now)
        account.sessions.append(session)
        return session

    def renew(self, session: Session, now: datetime) -> str:
        """Present the refresh token."""
        if not session.is_live:
            return "session_ended"
        session.get_access_token(now)
        return ""

    def reauthenticate(self, session: Session, password: str, now: datetime) -> str:
        """Present the access token and the password."""
        if code := session.access(now):
            return code
        if password != session.account.password:
            return "wrong_password"
        session.authenticated_at = now
        session.get_access_token(now)
        return ""

    def set_roles(self, account: Account, roles: frozenset[str]) -> str:
        """Let the operator replace the roles."""
        if account.is_deleted:
            return "not_found"
        account.version += account.roles != roles
        account.roles = roles
        return ""

    def mark_verified(self, account: Account) -> str:
        """Let the operator mark the address as verified."""
        if account.is_deleted:
            return "not_found"
        account.verify()
        return ""

    def delete(self, account: Account) -> str:
        """Let the operator delete an account."""
        if account.is_deleted:
            return "not_found"
        account.is_deleted = True
        account.end_sessions()
        return ""

    def delete_own(self, session: Session, password: str | None, now: datetime) -> str:
        """Present the access token and, unless the log-in is recent, the password."""
        if code := session.access(now):
            return code
        if password is None and now > session.authenticated_at + RECENT:
            return "reauthentication_required"
        if password not in {None, session.account.password}:
            return "wrong_password"
        return self.delete(session.account)

    def set_disabled(self, account: Account, *, is_disabled: bool) -> str:
        """Let the operator disable or enable an account."""
        if account.is_deleted:
            return "not_found"
        account.is_disabled = is_disabled
        if is_disabled:
            account.end_sessions()
        return ""
