"""Bodies and queries of requests, and bodies of responses."""

import base64
import re
from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
)

from bookly.books.models import Book
from bookly.text import Trimmed, Visible
from tokenpair.fastapi import Text, WrongValue

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def _iso_date(value: object) -> date:
    # Pydantic alone would also accept a number of seconds, and a time at midnight.
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass  # For example, month 13.
    raise WrongValue("should be a date as in 2008-08-01")


def cursor_of(book_id: UUID) -> str:
    """Return the cursor of the page after a book: opaque, and safe in a URL."""
    return base64.urlsafe_b64encode(book_id.bytes).rstrip(b"=").decode()


def position_of(cursor: str) -> UUID:
    """Return the id in a cursor. Raises `WrongValue` if `cursor_of` cannot have made it."""
    try:
        position = UUID(bytes=base64.urlsafe_b64decode(cursor + "=="))
    except ValueError:
        position = None
    # The decoder skips characters that are not base64, so compare with the one correct cursor.
    if position is None or cursor_of(position) != cursor:
        raise WrongValue("should be the `next` of an earlier page")
    return position


def _checked_cursor(cursor: str) -> str:
    position_of(cursor)
    return cursor


_Line = Annotated[Trimmed, Field(min_length=1, max_length=200), Visible]

Title = Annotated[_Line, Field(examples=["Clean Code"])]
Author = Annotated[_Line, Field(examples=["Robert C. Martin"])]
Publisher = Annotated[_Line, Field(examples=["Prentice Hall"])]
PublishedDate = Annotated[date, BeforeValidator(_iso_date), Field(examples=["2008-08-01"])]
PageCount = Annotated[int, Field(strict=True, ge=1, le=100_000, examples=[464])]
Language = Annotated[Trimmed, Field(min_length=1, max_length=35, examples=["English"]), Visible]

# The default of a field that may be missing but never null; type checkers accept it for any type.
_LEFT_OUT: Any = None


class NewBook(BaseModel):
    """A book to add."""

    model_config = ConfigDict(extra="forbid")

    title: Title
    author: Author
    publisher: Publisher
    published_date: PublishedDate
    page_count: PageCount
    language: Language


class BookChanges(BaseModel):
    """The fields of a book to change; the others stay as they are."""

    model_config = ConfigDict(extra="forbid")

    title: Title = _LEFT_OUT
    author: Author = _LEFT_OUT
    publisher: Publisher = _LEFT_OUT
    published_date: PublishedDate = _LEFT_OUT
    page_count: PageCount = _LEFT_OUT
    language: Language = _LEFT_OUT

    def given(self) -> dict[str, Any]:
        """Return the values that the client has sent, by field."""
        return self.model_dump(exclude_unset=True)


class BookInfo(BaseModel):
    """A book."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    title: str
    author: str
    publisher: str
    published_date: date
    page_count: int
    language: str
    owner_id: UUID
    is_sample: bool = Field(description="Whether it is from the sample catalogue.")
    created_at: datetime
    updated_at: datetime


class BookPage(BaseModel):
    """Some of the books, newest first. `next` is the cursor of the next page, or null."""

    items: list[BookInfo]
    next: str | None

    @classmethod
    def of(cls, books: list[Book], *, limit: int) -> Self:
        """Return a page of `limit` books; one book more means that there is a next page."""
        shown = books[:limit]
        return cls(
            items=[BookInfo.model_validate(book) for book in shown],
            next=cursor_of(shown[-1].id) if len(books) > limit else None,
        )


class PageQuery(BaseModel):
    """The requested page of a list."""

    limit: int = Field(20, ge=1, le=100, description="The maximum number of books.")
    cursor: Annotated[str, AfterValidator(_checked_cursor), Field(max_length=64)] | None = Field(
        None, description="The `next` of the previous page."
    )

    @property
    def after(self) -> UUID | None:
        """The last book of the previous page."""
        return None if self.cursor is None else position_of(self.cursor)


class SearchQuery(PageQuery):
    """The requested page of the books that contain a text."""

    q: Annotated[Text, Field(max_length=200)] | None = Field(
        None,
        description="Only books with this text in their title, author or publisher, ignoring case.",
    )
