import uuid
from datetime import date

from pydantic import BaseModel


class BookCreateModel(BaseModel):
    title: str
    author: str
    published_date: date
    page_count: int


class Book(BookCreateModel):
    uid: uuid.UUID
    user_uid: uuid.UUID | None
