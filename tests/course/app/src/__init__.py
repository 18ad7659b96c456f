from fastapi import FastAPI

from src.auth.routes import auth_router
from src.books.routes import book_router
from src.errors import register_all_errors

version_prefix = "/api/v1"

app = FastAPI(title="Bookly", version="v1")

register_all_errors(app)

app.include_router(book_router, prefix=f"{version_prefix}/books", tags=["books"])
app.include_router(auth_router, prefix=f"{version_prefix}/auth", tags=["auth"])
