"""Say in one line why something outside of this process failed."""


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's text, for the log.

    An error without a text, as many of sockets are, is "timed out" or the name of its class.
    """
    unsaid = "timed out" if isinstance(error, TimeoutError) else type(error).__name__
    return str(error).partition("\n")[0] or unsaid
