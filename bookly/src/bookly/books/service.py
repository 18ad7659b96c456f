"""Operations on books. The `WHERE` of a statement that changes a book checks who may do it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import sqlalchemy as sa

from bookly.books.models import SEARCHED, Book, folded
from bookly.books.samples import NAME, NO_OWNER, samples
from tokenpair import AccessClaims
from tokenpair.errors import InsufficientRole, NotFound
from tokenpair.stores.sql import Database, UtcDateTime

_T = TypeVar("_T")

ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All books. Each method is one transaction."""

    database: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    users_remove_samples: bool = True
    """Whether every user may remove the samples; otherwise, only an admin may."""

    async def add(self, fields: Mapping[str, Any], *, owner_id: UUID) -> Book:
        """Store a new book."""
        book = self._new(fields, owner_id=owner_id)
        async with self.database.writing() as session:
            session.add(book)
        return book

    async def add_samples(self) -> None:
        """Add the sample catalogue to an empty shelf, once in the life of a database."""
        offer = (
            sa.text(
                "INSERT INTO bookly_catalogue (name, offered_at) VALUES (:name, :now) "
                "ON CONFLICT DO NOTHING RETURNING name"
            )
            .bindparams(sa.bindparam("now", type_=UtcDateTime))
            .bindparams(name=NAME, now=self.clock())
        )
        async with self.database.writing() as session:
            # Of several workers that start at once, one inserts the row; the others wait for it.
            is_first = await session.scalar(offer)
            if is_first and not await session.scalar(sa.select(Book.id).limit(1)):
                session.add_all(
                    self._new(fields, owner_id=NO_OWNER, is_sample=True) for fields in samples()
                )

    async def remove_samples(self, by: AccessClaims) -> None:
        """Remove the books of the sample catalogue. Raises `InsufficientRole`."""
        if not self.users_remove_samples and ADMIN not in by.roles:
            raise InsufficientRole
        async with self.database.writing() as session:
            await session.execute(sa.delete(Book).where(Book.is_sample))

    async def get(self, book_id: UUID) -> Book:
        """Return a book. Raises `NotFound`."""
        return await self._one(Book.id == book_id)

    async def page(
        self, *, limit: int, after: UUID | None, q: str | None = None, owner_id: UUID | None = None
    ) -> list[Book]:
        """Return the newest books older than `after`: `limit`, and one more if there is."""
        query = sa.select(Book).order_by(Book.id.desc()).limit(limit + 1)
        if after:
            query = query.where(Book.id < after)
        if owner_id:
            query = query.where(Book.owner_id == owner_id)
        if q:
            query = query.where(_contains(q))
        async with self.database.reading() as session:
            return list(await session.scalars(query))

    async def change(self, book_id: UUID, fields: Mapping[str, Any], by: AccessClaims) -> Book:
        """Change only these fields, so that simultaneous changes to other fields are kept.

        Raises `NotFound`, also for a book that the user may not change.
        """
        if not fields:
            return await self._one(Book.id == book_id, _may_be_changed(by))
        statement = (
            sa.update(Book)
            .where(Book.id == book_id, _may_be_changed(by))
            .values(**_with_folded(fields), updated_at=self.clock())
            .returning(Book)
        )
        async with self.database.writing() as session:
            return _found(await session.scalar(statement))

    async def remove(self, book_id: UUID, by: AccessClaims) -> None:
        """Remove a book. Raises `NotFound`, also for a book that the user may not change."""
        statement = (
            sa.delete(Book).where(Book.id == book_id, _may_be_changed(by)).returning(Book.id)
        )
        async with self.database.writing() as session:
            _found(await session.scalar(statement))

    def _new(self, fields: Mapping[str, Any], *, owner_id: UUID, is_sample: bool = False) -> Book:
        now = self.clock()
        return Book(
            id=self.new_id(),
            owner_id=owner_id,
            is_sample=is_sample,
            created_at=now,
            updated_at=now,
            **_with_folded(fields),
        )

    async def _one(self, *conditions: sa.ColumnElement[bool]) -> Book:
        async with self.database.reading() as session:
            return _found(await session.scalar(sa.select(Book).where(*conditions)))


def _found(thing: _T | None) -> _T:
    if thing is None:
        raise NotFound
    return thing


def _may_be_changed(by: AccessClaims) -> sa.ColumnElement[bool]:
    return sa.true() if ADMIN in by.roles else Book.owner_id == by.subject


def _contains(text: str) -> sa.ColumnElement[bool]:
    part = folded(text)
    return sa.or_(
        # With autoescape, % and _ in the text match themselves.
        *(getattr(Book, f"{field}_folded").contains(part, autoescape=True) for field in SEARCHED)
    )


def _with_folded(fields: Mapping[str, Any]) -> dict[str, Any]:
    more = {f"{field}_folded": folded(fields[field]) for field in SEARCHED if field in fields}
    return {**fields, **more}
