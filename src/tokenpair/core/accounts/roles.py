"""Which names a role may have."""

import re

from tokenpair.errors import FieldError, InvalidInput

MAX_ROLES = 32
"""Largest number of roles of one user: every access token carries them, and its size is limited."""

_ROLE = re.compile(r"[A-Za-z0-9_.:-]{1,64}", re.ASCII)


def require_valid_roles(roles: frozenset[str]) -> None:
    """Require names that an access token can carry. Raises `InvalidInput`."""
    if len(roles) > MAX_ROLES or not all(_ROLE.fullmatch(role) for role in roles):
        reason = f"must be up to {MAX_ROLES} names of letters, digits and _ . : -, without spaces"
        raise InvalidInput(FieldError("roles", reason))
