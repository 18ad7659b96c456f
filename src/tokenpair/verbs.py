"""The verbs of `Auth`: its flows, each an attribute that is called."""

from tokenpair.flows.accounts.administer import Disable, Enable, MarkVerified, SetRoles
from tokenpair.flows.accounts.change_email import ChangeEmail, ConfirmEmailChange
from tokenpair.flows.accounts.change_password import ChangePassword, SetPassword
from tokenpair.flows.accounts.delete import DeleteOwnAccount, DeleteUser
from tokenpair.flows.accounts.export import ExportAccount
from tokenpair.flows.accounts.import_account import ImportAccount
from tokenpair.flows.accounts.invite import AcceptInvitation, Invite
from tokenpair.flows.accounts.profile import GetUser, UpdateOwnProfile, UpdateProfile
from tokenpair.flows.accounts.reset_password import ForgotPassword, ResetPassword
from tokenpair.flows.accounts.sign_up import SignUp
from tokenpair.flows.accounts.verify_email import RequestVerification, VerifyEmail
from tokenpair.flows.sessions.list_and_end import EndSession, ListSessions
from tokenpair.flows.sessions.log_in import LogIn
from tokenpair.flows.sessions.log_out import LogOut, LogOutElsewhere, LogOutEverywhere
from tokenpair.flows.sessions.prune import Prune
from tokenpair.flows.sessions.reauthenticate import Reauthenticate
from tokenpair.flows.sessions.renew import Renew


class Verbs:
    """What an `Auth` can do. `Auth` builds a flow for each of these annotations."""

    sign_up: SignUp
    """Make an account."""
    invite: Invite
    """Mail an invitation to make an account."""
    accept_invitation: AcceptInvitation
    """Make an account with the token of an invitation."""
    import_account: ImportAccount
    """Make an account from what another system has stored."""
    log_in: LogIn
    """Check a password, and open a session."""
    renew: Renew
    """Return the next pair for a refresh token."""
    reauthenticate: Reauthenticate
    """Check a logged-in user's password, and return an access token of a recent log-in."""
    log_out: LogOut
    """End the session of a token."""
    log_out_everywhere: LogOutEverywhere
    """End every session of a user."""
    log_out_elsewhere: LogOutElsewhere
    """End every session of a user but one."""
    list_sessions: ListSessions
    """Return the live sessions of a user."""
    end_session: EndSession
    """End one session of a user."""
    get_user: GetUser
    """Return a user's account."""
    update_profile: UpdateProfile
    """Change the app's own fields of an account."""
    update_own_profile: UpdateOwnProfile
    """Change the app's own fields of the account that a request comes from."""
    change_password: ChangePassword
    """Replace the password of a user who knows the old one, and end the other sessions."""
    set_password: SetPassword
    """Replace a user's password as the app or an operator decides, and end all sessions."""
    change_email: ChangeEmail
    """Mail a link to the new address of a user who knows the password."""
    confirm_email_change: ConfirmEmailChange
    """Change the address to the one that a token was mailed to, and end the other sessions."""
    delete: DeleteUser
    """Delete an account, with its sessions, one-time tokens and mails."""
    delete_own_account: DeleteOwnAccount
    """Delete the account of a user who knows the password or has logged in lately."""
    export: ExportAccount
    """Return what is stored about a user, without secrets."""
    set_roles: SetRoles
    """Replace a user's roles."""
    mark_verified: MarkVerified
    """Mark a user's address as verified."""
    disable: Disable
    """Disable an account, and end its sessions."""
    enable: Enable
    """Let a disabled account log in again."""
    request_verification: RequestVerification
    """Mail a user a link that verifies the address."""
    verify_email: VerifyEmail
    """Verify an address by the token from a mail."""
    forgot_password: ForgotPassword
    """Mail a link to reset the password, if the address has an account."""
    reset_password: ResetPassword
    """Set a new password by the token from a mail, and end all sessions."""
    prune: Prune
    """Remove rows that are no longer needed; an open `Auth` does so by itself."""
