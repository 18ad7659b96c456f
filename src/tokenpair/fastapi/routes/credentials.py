"""The credentials in the bodies of log-in and sign-up."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from tokenpair.core.accounts.password_policy import MAX_PASSWORD_LENGTH
from tokenpair.fastapi.text import Text

# Longer than any valid address (RFC 5321 §4.5.3.1.3).
Email = Annotated[
    Text, Field(max_length=320, json_schema_extra={"format": "email"}, examples=["ada@example.com"])
]
Password = Annotated[
    Text,
    Field(max_length=MAX_PASSWORD_LENGTH, repr=False, examples=["correct horse battery staple"]),
]


class Credentials(BaseModel):
    """The body of a log-in."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    email: Email
    password: Password
