"""Which names a role may have."""

import re

from tokenpair.errors import FieldError, InvalidInput

MAX_ROLES = 32
"""Largest number of roles of one user: every access token carries them, and its size is limited."""

_ROLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


_RULE = f"must be up to {MAX_ROLES} names of letters, digits and _ . : -, without spaces"


def require_valid_roles(roles: frozenset[str]) -> None:
    """Require names that an access token can carry.

    Raises `InvalidInput`, and `TypeError` for a text in place of a set.
    """
    if not _are_valid(roles):
        raise InvalidInput(FieldError("roles", _RULE))


def require_storable_roles(roles: frozenset[str]) -> None:
    """Require the same of code that writes to a store, such as a hook. Raises `ValueError`.

    A client did not send these roles: an `InvalidInput` would blame the client.
    """
    if not _are_valid(roles):
        raise ValueError(f"roles {_RULE}")


def _are_valid(roles: frozenset[str]) -> bool:
    if isinstance(roles, str):  # Each of its letters would be a role.
        raise TypeError("roles are a set of names: pass frozenset({'admin'}) in place of 'admin'")
    return len(roles) <= MAX_ROLES and all(_ROLE.fullmatch(role) for role in roles)
