"""A holder for values that no serialiser may write."""

from collections.abc import Iterator
from typing import Generic, NoReturn, TypeVar

T = TypeVar("T")


class Secret(Generic[T]):
    """Holds a value that must not be published, and shows nothing of it.

    FastAPI's encoder turns what it does not know into `dict(value)` or `vars(value)`: here the
    first is empty, and the second is never tried.
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
