"""Say in one line why something outside of this process failed."""


def reason_of(error: BaseException) -> str:
    """Return the first line of an error's text, for the log.

    Errors of sockets often have no text. Of these, it is "timed out" for a time-out, and otherwise
    the name of the class.
    """
    unsaid = "timed out" if isinstance(error, TimeoutError) else type(error).__name__
    return str(error).partition("\n")[0] or unsaid
