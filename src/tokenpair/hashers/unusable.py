"""A stored hash that is not compared."""

from pwdlib.exceptions import PwdlibError


class UnusableHash(PwdlibError):
    """The hash is of a known kind, and is not compared.

    It is malformed, would take too much time or memory, or needs a package that is missing. The
    message says which, and contains nothing of the hash.
    """


MALFORMED = "it is malformed"
