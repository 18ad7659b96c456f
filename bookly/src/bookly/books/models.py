"""The table of books."""

import unicodedata
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from bookly.db import Base
from tokenpair.stores.sql import UtcDateTime

SEARCHED = ("title", "author", "publisher")


class Book(Base):
    """A book, as its owner has described it.

    `id` is a UUID of version 7, so its order is the order of creation. What is searched stands
    folded in columns of its own, one for each field: so two changes at once, of the title and
    of the author, need not know of each other.
    """

    __tablename__ = "bookly_book"
    __table_args__ = (sa.Index("ix_bookly_book_owner_id_id", "owner_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(sa.Text)
    author: Mapped[str] = mapped_column(sa.Text)
    publisher: Mapped[str] = mapped_column(sa.Text)
    title_folded: Mapped[str] = mapped_column(sa.Text)
    author_folded: Mapped[str] = mapped_column(sa.Text)
    publisher_folded: Mapped[str] = mapped_column(sa.Text)
    published_date: Mapped[date]
    page_count: Mapped[int]
    language: Mapped[str] = mapped_column(sa.Text)
    # No foreign key: the accounts' table is the library's, and so are its migrations. The book
    # of an account that is gone stays, and only an admin can change it.
    owner_id: Mapped[UUID]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


def folded(text: str) -> str:
    """Give the form in which texts that differ in case or composition alone are equal.

    SQLite's own comparison without case knows ASCII only; and "é" can be written in two ways.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
