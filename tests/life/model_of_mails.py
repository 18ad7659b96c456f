"""What must happen to mails, their links, passwords and addresses: the other half of the model.

A mail waits until it is delivered. Its link is made then, and replaces the one before.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.life.model import Account, Life, Session

VERIFY, RESET, CHANGE = "verify_email", "reset_password", "change_email"
INVITE = "invitation"
TOLD_PASSWORD, TOLD_ADDRESS = "password_changed", "address_changed"
TOLD_REQUEST = "address_change_requested"
LIFETIMES = {
    VERIFY: timedelta(hours=24),
    RESET: timedelta(minutes=30),
    CHANGE: timedelta(hours=1),
    INVITE: timedelta(days=7),
}

INVALID = "mail_token_invalid"


@dataclass(eq=False)
class Mail:
    """A mail that waits. `account` is None where delivery drops it.

    `passwords` counts the passwords that the account had had by then. `asked_by` is the session
    that asked for a change of address. `roles` are those of an invitation.
    """

    purpose: str
    account: Account | None
    address: str
    passwords: int = 0
    asked_by: Session | None = None
    roles: frozenset[str] = frozenset()


@dataclass(eq=False)
class Link:
    """The link in a mail that was delivered."""

    mail: Mail
    account: Account
    expires_at: datetime


@dataclass
class LifeWithMails(Life):
    """All accounts, the mails that wait, and the links that are valid.

    `guests` stand for the accounts that invited addresses may have one day.
    """

    waiting: list[Mail] = field(default_factory=list)
    links: dict[tuple[int, str], Link] = field(default_factory=dict)
    guests: dict[str, Account] = field(default_factory=dict)

    def sign_up(self, address: str, password: str) -> str:
        """Make an account, and mail a link to verify the address."""
        if code := super().sign_up(address, password):
            return code
        self.withdraw_invitation(address)
        self.send(VERIFY, self.accounts[-1])
        return ""

    def delete(self, account: Account) -> str:
        """Delete an account with its mails and links."""
        if code := super().delete(account):
            return code
        self.waiting = [each for each in self.waiting if each.account is not account]
        self.forget_links(account)
        return ""

    # Mails.

    def send(self, purpose: str, account: Account | None) -> Mail:
        """Let a mail wait, to the account's own address."""
        mail = Mail(purpose, None, "")
        if account:
            mail = Mail(purpose, account, account.address, account.passwords)
        self.waiting.append(mail)
        return mail

    def deliver(self, mail: Mail, now: datetime) -> Link | None:
        """Make the link of a mail, where it is wanted and has one."""
        account = mail.account
        if not self.is_wanted(mail) or account is None or mail.purpose not in LIFETIMES:
            return None
        at = self.waiting.index(mail)
        kind = (account, mail.purpose)
        older = [each for each in self.waiting[:at] if (each.account, each.purpose) == kind]
        self.waiting = [each for each in self.waiting if each not in older]
        link = Link(mail, account, now + LIFETIMES[mail.purpose])
        self.links[id(account), mail.purpose] = link
        return link

    def is_wanted(self, mail: Mail) -> bool:
        """Return whether the mail is sent, or dropped."""
        account = mail.account
        if account is None:
            return False
        is_own = account.address == mail.address
        match mail.purpose:
            case "verify_email":
                return is_own and not account.is_verified
            case "reset_password":
                return is_own and not account.is_disabled
            case "change_email":
                return not account.is_disabled
        return True

    def forget_links(self, account: Account) -> None:
        """Make every link of an account invalid."""
        self.links = {key: each for key, each in self.links.items() if each.account is not account}

    def follow(self, link: Link, purpose: str, now: datetime) -> bool:
        """Return whether a link is valid. Only then is it used up."""
        account, key = link.account, (id(link.account), purpose)
        if self.links.get(key) is not link or now >= link.expires_at:
            return False
        is_bound = purpose == CHANGE or account.address == link.mail.address
        is_bound = is_bound and (purpose == VERIFY or link.mail.passwords == account.passwords)
        is_valid = is_bound and not account.is_disabled
        if is_valid:
            del self.links[key]
        return is_valid

    def end_older(self, account: Account, purpose: str) -> None:
        """Make the link of a purpose invalid, and drop the mails that would bring one."""
        self.links.pop((id(account), purpose), None)
        self.waiting = [
            each for each in self.waiting if (each.account, each.purpose) != (account, purpose)
        ]

    def withdraw_invitation(self, address: str) -> None:
        """Drop the invitation of an address that gets an account."""
        if guest := self.guests.get(address):
            self.end_older(guest, INVITE)

    # What the links do, and what asks for them.

    def request_verification(self, session: Session, now: datetime) -> str:
        """Ask for another link."""
        if code := session.access(now):
            return code
        if not session.account.is_verified:
            self.send(VERIFY, session.account)
        return ""

    def verify_email(self, link: Link, now: datetime) -> str:
        """Follow a link as if it verified the address."""
        if not self.follow(link, VERIFY, now):
            return INVALID
        link.account.verify()
        return ""

    def forgot_password(self, address: str) -> None:
        """Ask for a link, for any address."""
        self.send(RESET, self.at(address))

    def reset_password(self, link: Link, password: str, now: datetime) -> str:
        """Follow a link as if it reset the password."""
        if not self.follow(link, RESET, now):
            return INVALID
        link.account.verify()
        self.forget_links(link.account)
        self.replace_password(link.account, password)
        return ""

    def replace_password(self, account: Account, password: str, but: Session | None = None) -> None:
        """Replace the password, end the sessions, and tell the user."""
        account.password = password
        account.passwords += 1
        account.end_sessions(but)
        self.send(TOLD_PASSWORD, account)

    def change_password(self, session: Session, current: str, new: str, now: datetime) -> str:
        """Replace the password, as its user."""
        if code := session.access(now):
            return code
        if current != session.account.password:
            return "wrong_password"
        self.replace_password(session.account, new, but=session)
        return ""

    def set_password(self, account: Account, new: str) -> str:
        """Replace the password, as the operator."""
        if account.is_deleted:
            return "not_found"
        self.replace_password(account, new)
        return ""

    def change_email(self, session: Session, password: str, address: str, now: datetime) -> str:
        """Ask for another address."""
        if code := session.access(now):
            return code
        account = session.account
        if password != account.password:
            return "wrong_password"
        self.end_older(account, CHANGE)
        is_free = self.at(address) in {None, account}
        mail = Mail(CHANGE, account if is_free else None, address, account.passwords, session)
        self.waiting.append(mail)
        self.send(TOLD_REQUEST, account)
        return ""

    def confirm_email_change(self, link: Link, now: datetime) -> str:
        """Follow a link as if it confirmed a new address."""
        account, address = link.account, link.mail.address
        if not self.follow(link, CHANGE, now):
            return INVALID
        if self.at(address) not in {None, account}:
            self.links[id(account), CHANGE] = link  # Another account has it: nothing has changed.
            return INVALID
        self.withdraw_invitation(address)
        old = account.address
        account.address = address
        account.verify()
        self.forget_links(account)
        account.end_sessions(link.mail.asked_by)
        self.send(TOLD_ADDRESS, account).address = old
        self.send(TOLD_ADDRESS, account)
        return ""

    def invite(self, address: str, roles: frozenset[str]) -> str:
        """Invite an address."""
        if self.at(address):
            return "email_taken"
        guest = self.guests.setdefault(address, Account(address, ""))
        self.end_older(guest, INVITE)
        self.send(INVITE, guest).roles = roles
        return ""

    def accept_invitation(self, link: Link, password: str, now: datetime) -> str:
        """Follow a link as if it were an invitation."""
        if self.at(link.mail.address) or not self.follow(link, INVITE, now):
            return INVALID
        self.withdraw_invitation(link.mail.address)
        roles = link.mail.roles
        self.accounts.append(Account(link.mail.address, password, is_verified=True, roles=roles))
        return ""
