"""How a start that fails is reported: an expected error in one line, as by the command."""

import sys

from starlette.types import Message, Send

from tokenpair.errors import TokenPairError


def in_one_line(send: Send) -> Send:
    """Return the `send` of a lifespan that replaces the traceback of an expected error."""

    async def send_the_line(message: Message) -> None:
        # Starlette sends the traceback while it handles the error.
        error = sys.exception()
        if message["type"] == "lifespan.startup.failed" and isinstance(error, TokenPairError):
            message = {**message, "message": str(error)}
        await send(message)

    return send_the_line
