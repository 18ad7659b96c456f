from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from src.config import Config

async_engine = create_async_engine(Config.DATABASE_URL)
Session = async_sessionmaker(bind=async_engine, class_=AsyncSession, expire_on_commit=False)


async def get_session():
    async with Session() as session:
        yield session
