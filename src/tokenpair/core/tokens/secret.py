"""A wrapper for values that must not be serialised."""

from collections.abc import Iterator
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Secret(Generic[T]):
    """Holds a secret value, and hides it from `repr` and from serialisers.

    FastAPI's encoder tries `dict(value)` for unknown types, and then `vars(value)`. Here the first
    returns an empty dict, so the second is never tried.
    """

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value: T = value

    def __iter__(self) -> Iterator[NoReturn]:
        return iter(())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and bool(self.value == other.value)

    def __hash__(self) -> int:
        return hash(self.value)

    def __repr__(self) -> str:
        return "Secret()"
