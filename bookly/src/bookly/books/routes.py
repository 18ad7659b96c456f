"""The endpoints of books: each parses the request, calls the service once, and responds."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from bookly.books.models import Book
from bookly.books.schemas import BookChanges, BookInfo, BookPage, NewBook, PageQuery, SearchQuery
from bookly.books.service import Books
from tokenpair.errors import InsufficientRole, InvalidInput, NotFound
from tokenpair.fastapi import (
    ACCESS_ERRORS,
    BODY_ERRORS,
    AccessToken,
    ProblemRoute,
    problem_responses,
)

router = APIRouter(prefix="/books", route_class=ProblemRoute, tags=["books"])


async def _books(request: Request) -> Books:
    books: Books = request.app.state.books
    return books


BooksDep = Annotated[Books, Depends(_books)]


@router.get("", summary="List books", responses=problem_responses(*ACCESS_ERRORS, InvalidInput))
async def list_books(
    query: Annotated[SearchQuery, Query()], _: AccessToken, books: BooksDep
) -> BookPage:
    """See the books of all users, newest first."""
    found = await books.page(limit=query.limit, after=query.after, q=query.q)
    return BookPage.of(found, limit=query.limit)


@router.get(
    "/user/{user_id}",
    summary="List a user's books",
    responses=problem_responses(*ACCESS_ERRORS, NotFound, InvalidInput),
)
async def list_books_of_user(
    user_id: UUID, query: Annotated[PageQuery, Query()], _: AccessToken, books: BooksDep
) -> BookPage:
    """See one user's books, newest first."""
    found = await books.page(limit=query.limit, after=query.after, owner_id=user_id)
    return BookPage.of(found, limit=query.limit)


@router.post(
    "",
    summary="Add a book",
    status_code=201,
    response_model=BookInfo,
    responses=problem_responses(*ACCESS_ERRORS, *BODY_ERRORS),
)
async def add_book(body: NewBook, token: AccessToken, books: BooksDep) -> Book:
    """Add a book that belongs to you."""
    return await books.add(body.model_dump(), owner_id=token.subject)


@router.delete(
    "/samples",
    summary="Remove the samples",
    status_code=204,
    response_class=Response,
    responses=problem_responses(*ACCESS_ERRORS, InsufficientRole),
)
async def remove_samples(token: AccessToken, books: BooksDep) -> None:
    """Remove the books of the sample catalogue. In production, only an admin can."""
    await books.remove_samples(token)


@router.get(
    "/{book_id}",
    summary="See a book",
    response_model=BookInfo,
    responses=problem_responses(*ACCESS_ERRORS, NotFound),
)
async def get_book(book_id: UUID, _: AccessToken, books: BooksDep) -> Book:
    """See a book."""
    return await books.get(book_id)


@router.patch(
    "/{book_id}",
    summary="Change a book",
    response_model=BookInfo,
    responses=problem_responses(*ACCESS_ERRORS, NotFound, *BODY_ERRORS),
)
async def change_book(
    book_id: UUID, body: BookChanges, token: AccessToken, books: BooksDep
) -> Book:
    """Change some fields of your book. An admin can change any book."""
    return await books.change(book_id, body.given(), token)


@router.delete(
    "/{book_id}",
    summary="Remove a book",
    status_code=204,
    response_class=Response,
    responses=problem_responses(*ACCESS_ERRORS, NotFound),
)
async def remove_book(book_id: UUID, token: AccessToken, books: BooksDep) -> None:
    """Remove your book. An admin can remove any book."""
    await books.remove(book_id, token)
