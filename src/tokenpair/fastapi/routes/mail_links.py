"""What the endpoints have in common that send a mail, or take the token from one."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from tokenpair.fastapi.text import Text


class TokenBody(BaseModel):
    """The token of the link in a mail: what stands behind `#token=`."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    # Without a length: every invalid token has the same answer.
    token: Annotated[Text, Field(repr=False)]


class Accepted(BaseModel):
    """The answer to a request whose outcome a mail tells."""

    detail: str = Field(
        description="A sentence for people.",
        examples=["If there is an account with this address, a link was sent to it."],
    )
