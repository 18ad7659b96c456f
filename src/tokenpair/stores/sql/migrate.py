"""Bring tables up to date with Alembic. The scripts travel inside the wheel.

An app may keep its own tables the same way, in the same database: a folder of scripts in a
package, and a version table of its own.
"""

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenpair.core.health import Condition
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql.availability import database_name
from tokenpair.stores.sql.sqlite import connection as sqlite

if TYPE_CHECKING:
    from alembic.config import Config

# Any number will do, as long as it is always this one.
_ADVISORY_LOCK = 0x746F6B656E706169

# A migration takes as long as it takes, and so does the one of another worker. Not all versions
# have every limit, and none may be set that a version does not have.
_WITHOUT_TIME_LIMITS = sa.text(
    "SELECT set_config(name, '0', true) FROM pg_settings WHERE name IN ('lock_timeout', "
    "'statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)


@dataclass(frozen=True, slots=True)
class Migrations:
    """A line of migration scripts: `location` is "package:folder", `table` its version table."""

    location: str
    table: str

    async def upgrade(self, engine: AsyncEngine) -> None:
        """Bring the tables up to date; nothing happens when they are.

        Several workers may do so at once: one works, the others wait and find it done. All
        scripts run in one transaction, so a crash half-way leaves what was there before.
        Raises `ConfigurationError` for a database that a newer version has migrated.
        """
        if await self.is_current(engine):
            return
        async with engine.begin() as connection:
            # SQLite has locked the database with BEGIN IMMEDIATE.
            if engine.dialect.name == "postgresql":
                await connection.execute(_WITHOUT_TIME_LIMITS)
                lock = sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK))
                await connection.execute(lock)
            await connection.run_sync(self._upgrade)

    async def is_current(self, engine: AsyncEngine) -> bool:
        """Are the tables the ones that this version needs?

        Raises `ConfigurationError` for a database that a newer version has migrated.
        """
        revision, (known, head) = await self._revision(engine), self._scripts()
        if revision is not None and revision not in known:
            raise ConfigurationError(
                f"the database {database_name(engine)} is newer than this version: "
                f"it is at {revision} of {self.table}"
            )
        return revision == head

    async def health(self, engine: AsyncEngine) -> Condition:
        """Say how the tables stand beside what this version needs.

        Unknown, if a newer version has migrated them: what that changed may or may not matter
        to this one, which goes on until it is replaced. Raises `Unavailable`.
        """
        try:
            revision = await self._revision(engine)
        except sa.exc.ProgrammingError as exc:
            name = database_name(engine)
            raise Unavailable(f"the table {self.table} of {name} may not be read") from exc
        known, head = _remembered_scripts(self)
        if revision == head:
            return Condition.OK
        return Condition.FAILING if revision is None or revision in known else Condition.UNKNOWN

    async def _revision(self, engine: AsyncEngine) -> str | None:
        """Read where the tables are; None in an empty database, and without one."""
        if not _exists(engine):
            return None

        def read(sync: sa.Connection) -> str | None:
            if not sa.inspect(sync).has_table(self.table):
                return None
            version = sa.table(self.table, sa.column("version_num"))
            return sync.execute(sa.select(version.c.version_num)).scalar()

        async with engine.connect() as connection:
            return await connection.run_sync(read)

    def _scripts(self) -> tuple[frozenset[str], str | None]:
        """Give all revisions that this version has scripts for, and the newest."""
        from alembic.script import ScriptDirectory  # noqa: PLC0415  See `_config`.

        script = ScriptDirectory.from_config(self._config())
        known = frozenset(each.revision for each in script.walk_revisions())
        return known, script.get_current_head()

    def _upgrade(self, connection: sa.Connection) -> None:
        from alembic import command  # noqa: PLC0415  See `_config`.

        config = self._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    def _config(self) -> "Config":
        # Alembic is imported where it is used: it takes longer to load than all the rest, and
        # a library should not make its app wait for what most starts do not need.
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", self.location)
        config.set_main_option("path_separator", "os")
        config.attributes["version_table"] = self.table
        return config


def not_migrated(engine: AsyncEngine, command: str) -> str:
    """Return what to tell an operator: the database that is meant, and what migrates it."""
    trouble = "is not migrated" if _exists(engine) else "does not exist"
    return f"the database {database_name(engine)} {trouble}; run: {command}"


def _exists(engine: AsyncEngine) -> bool:
    return engine.dialect.name != "sqlite" or sqlite.exists(str(engine.url.database))


@cache
def _remembered_scripts(migrations: Migrations) -> tuple[frozenset[str], str | None]:
    """Read the scripts once: whoever asks for the health asks again in a second."""
    return migrations._scripts()  # noqa: SLF001  Of the class above.


TOKENPAIR_MIGRATIONS = Migrations("tokenpair:stores/sql/migrations", "tokenpair_migration")
"""The library's own."""


def run_scripts(metadata: sa.MetaData) -> None:
    """Be an Alembic environment: the whole content of a migrations folder's `env.py`.

    `metadata` is what `alembic revision --autogenerate` compares with.
    """
    from alembic import context  # noqa: PLC0415  See `_config`.

    context.configure(
        connection=context.config.attributes["connection"],
        version_table=context.config.attributes["version_table"],
        target_metadata=metadata,
        render_as_batch=True,
        # Other tables in the database are other people's.
        include_name=lambda name, kind, _: kind != "table" or name in metadata.tables,
    )
    with context.begin_transaction():
        context.run_migrations()
