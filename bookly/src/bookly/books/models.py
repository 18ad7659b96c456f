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
    """A book.

    `id` is a UUID of version 7, so books are ordered by creation. Each searched field has its own
    column with the folded text, so that simultaneous changes to the title and to the author do not
    conflict.
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
    # No foreign key: the library owns the accounts' table and its migrations. If an account is
    # deleted, its books stay, and only an admin can change them.
    owner_id: Mapped[UUID]
    # The default is for workers of an older version, during an upgrade.
    is_sample: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Catalogue(Base):
    """A catalogue of samples that was offered to this database, so that it never comes twice."""

    __tablename__ = "bookly_catalogue"

    name: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime)


def folded(text: str) -> str:
    """Return a form that is equal for texts that differ only in case or composition.

    SQLite ignores case only in ASCII, and "é" has two spellings in Unicode.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
