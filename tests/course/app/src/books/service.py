from sqlmodel import desc, select
from sqlmodel.ext.asyncio.session import AsyncSession

from src.db.models import Book

from .schemas import BookCreateModel


class BookService:
    async def get_all_books(self, session: AsyncSession):
        result = await session.exec(select(Book).order_by(desc(Book.created_at)))

        return result.all()

    async def get_user_books(self, user_uid: str, session: AsyncSession):
        result = await session.exec(select(Book).where(Book.user_uid == user_uid))

        return result.all()

    async def create_book(self, book_data: BookCreateModel, user_uid: str, session: AsyncSession):
        new_book = Book(**book_data.model_dump())

        new_book.user_uid = user_uid

        session.add(new_book)

        await session.commit()

        return new_book
