from fastapi import APIRouter, Depends, status
from sqlmodel.ext.asyncio.session import AsyncSession

from src.auth.dependencies import AccessTokenBearer, RoleChecker
from src.db.main import get_session

from .schemas import Book, BookCreateModel
from .service import BookService

book_router = APIRouter()
book_service = BookService()
access_token_bearer = AccessTokenBearer()
role_checker = Depends(RoleChecker(["admin", "user"]))
admin_checker = Depends(RoleChecker(["admin"]))


@book_router.get("/", response_model=list[Book], dependencies=[role_checker])
async def get_all_books(
    session: AsyncSession = Depends(get_session),
    _: dict = Depends(access_token_bearer),
):
    return await book_service.get_all_books(session)


@book_router.get("/user/{user_uid}", response_model=list[Book], dependencies=[admin_checker])
async def get_user_book_submissions(user_uid: str, session: AsyncSession = Depends(get_session)):
    return await book_service.get_user_books(user_uid, session)


@book_router.post(
    "/", status_code=status.HTTP_201_CREATED, response_model=Book, dependencies=[role_checker]
)
async def create_a_book(
    book_data: BookCreateModel,
    session: AsyncSession = Depends(get_session),
    token_details: dict = Depends(access_token_bearer),
):
    user_id = token_details.get("user")["user_uid"]
    new_book = await book_service.create_book(book_data, user_id, session)
    return new_book
