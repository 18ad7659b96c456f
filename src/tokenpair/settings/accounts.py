"""Which clients may make an account, and the roles that it has."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tokenpair.core.accounts.roles import require_valid_roles
from tokenpair.core.accounts.sign_up_mode import SignUpMode
from tokenpair.errors import InvalidInput
from tokenpair.settings.environment import EnvironmentSettings


def _roles(text: str) -> str:
    names = [name for name in re.split(r"[\s,]+", text) if name]
    try:
        require_valid_roles(frozenset(names))
    except InvalidInput as exc:
        raise ValueError(exc.errors[0].reason) from None
    return " ".join(names)


class AccountSettings(EnvironmentSettings):
    """Sign-up, and the roles of new accounts: names with spaces or commas between them."""

    sign_up: Literal["open", "invited", "closed"] = Field("open", examples=["invited"])
    default_roles: Annotated[str, AfterValidator(_roles)] = Field("", examples=["user"])

    @property
    def sign_up_mode(self) -> SignUpMode:
        """How a new user gets an account."""
        return SignUpMode(self.sign_up)

    @property
    def roles_of_new_accounts(self) -> frozenset[str]:
        """The roles in `default_roles`."""
        return frozenset(self.default_roles.split())
