"""An app's own Alembic, in the same database, leaves tokenpair's tables alone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.reading import HOW_TO, after, before, blocks
from tokenpair.alembic import TABLE_PREFIX, include_name
from tokenpair.stores.sql import TOKENPAIR_MIGRATIONS, create_engine
from tokenpair.stores.sql.tables import metadata

# What the app declares, as the documents of SQLAlchemy and of SQLModel show it.
MODELS = {
    "sqlalchemy": """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
class Base(DeclarativeBase): pass
class Book(Base):
    __tablename__ = "books"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
metadata = Base.metadata
""",
    "sqlmodel": """
from sqlmodel import Field, SQLModel
class Book(SQLModel, table=True):
    __tablename__ = "books"
    id: int = Field(primary_key=True)
    title: str
metadata = SQLModel.metadata
""",
}

# As `alembic init -t async` writes it, without its comments; the page shows {configure}.
ENVIRONMENT = """
import asyncio
import models
from sqlalchemy import pool
from sqlalchemy.ext.asyncio import async_engine_from_config
{configure}
target_metadata = models.metadata

async def run_async():
    section = context.config.get_section(context.config.config_ini_section)
    engine = async_engine_from_config(section, prefix="sqlalchemy.", poolclass=pool.NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(do_run_migrations)
    await engine.dispose()

asyncio.run(run_async())
"""
TEMPLATE = """
import sqlmodel
import sqlalchemy as sa
from alembic import op
revision, down_revision = ${repr(up_revision)}, ${repr(down_revision)}
def upgrade():
    ${upgrades or "pass"}
def downgrade():
    pass
"""


class AlembicProject:
    """A host app's folder, and its `alembic` command."""

    def __init__(self, folder: Path, url: str, models: str, *, has_hook: bool = True) -> None:
        self.folder = folder
        driver = url.replace("sqlite:", "sqlite+aiosqlite:").replace(
            "postgresql:", "postgresql+asyncpg:"
        )
        (folder / "versions").mkdir()
        (folder / "models.py").write_text(models)
        (folder / "script.py.mako").write_text(TEMPLATE)
        (folder / "alembic.ini").write_text(
            f"[alembic]\nscript_location = {folder}\nprepend_sys_path = {folder}\n"
            f"path_separator = os\nsqlalchemy.url = {driver.replace('%', '%%')}\n"
        )
        self.write_environment(has_hook=has_hook)

    def write_environment(self, *, has_hook: bool) -> None:
        (diff,) = blocks(HOW_TO / "existing-app.md", "diff")
        configure = after(diff) if has_hook else before(diff)
        (self.folder / "env.py").write_text(ENVIRONMENT.format(configure=configure))

    def alembic(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the app's `alembic`, as its developer does."""
        return subprocess.run(
            [sys.executable, "-m", "alembic", *arguments],
            cwd=self.folder,
            env=os.environ | {"PYTHONWARNINGS": "default"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def migrate(self, message: str) -> str:
        """Write a migration and run it; return its text."""
        for arguments in (["revision", "--autogenerate", "-m", message], ["upgrade", "head"]):
            done = self.alembic(*arguments)
            assert done.returncode == 0, done.stderr
        (script,) = (self.folder / "versions").glob(f"*_{message}.py")
        return script.read_text()


@pytest.fixture
async def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Return the URL of a database that holds tokenpair's tables."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/test.db"
    else:
        url = request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    await TOKENPAIR_MIGRATIONS.upgrade(engine)
    await engine.dispose()
    return url


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("postgres", "sqlmodel"),
        pytest.param("sqlite", "sqlalchemy", marks=pytest.mark.long),
        pytest.param("sqlite", "sqlmodel", marks=pytest.mark.long),
        pytest.param("postgres", "sqlalchemy", marks=pytest.mark.long),
    ],
    indirect=["url"],
)
async def test_an_app_that_autogenerates_migrations_keeps_tokenpairs_tables(
    url: str, kind: str, tmp_path: Path
) -> None:
    project = AlembicProject(tmp_path, url, MODELS[kind])

    first = project.migrate("books")
    nothing = project.migrate("nothing")
    checked = project.alembic("check")

    assert 'create_table("books"' in first.replace("'", '"')
    assert "op." not in nothing
    assert checked.returncode == 0, checked.stdout
    assert "No new upgrade operations detected" in checked.stdout
    engine = create_engine(url)
    assert await TOKENPAIR_MIGRATIONS.is_current(engine)
    await engine.dispose()


async def test_without_the_hook_the_same_check_would_drop_them(tmp_path: Path) -> None:
    """Without this, the tests above could not fail."""
    url = f"sqlite:///{tmp_path}/test.db"
    engine = create_engine(url)
    await TOKENPAIR_MIGRATIONS.upgrade(engine)
    await engine.dispose()
    project = AlembicProject(tmp_path, url, MODELS["sqlalchemy"])
    project.migrate("books")
    project.write_environment(has_hook=False)

    checked = project.alembic("check")

    assert checked.returncode != 0
    assert "remove_table" in checked.stdout + checked.stderr


def test_every_table_of_tokenpairs_has_the_prefix() -> None:
    names = {*metadata.tables, TOKENPAIR_MIGRATIONS.table}

    assert all(name.startswith(TABLE_PREFIX) for name in names)


@pytest.mark.parametrize(
    ("name", "kind", "is_included"),
    [
        ("tokenpair_user", "table", False),
        ("tokenpair_migration", "table", False),
        ("users", "table", True),
        ("my_tokenpair_notes", "table", True),
        ("tokenpair_schema", "schema", True),
        (None, "schema", True),
    ],
)
@pytest.mark.parametrize("schema", [None, "accounts"])
def test_only_tables_are_left_out_in_any_schema(
    name: str | None, kind: str, is_included: bool, schema: str | None
) -> None:
    assert include_name(name, kind, {"schema_name": schema}) is is_included
