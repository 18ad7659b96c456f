"""Bring tables up to date with Alembic. The scripts are part of the wheel.

An app may migrate its own tables the same way, in the same database: with a folder of scripts in a
package, and a version table of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from tokenpair.core.health import Condition
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql.backend import Backend, backend_of

if TYPE_CHECKING:
    from alembic.config import Config


@dataclass(frozen=True, slots=True)
class Migrations:
    """A line of migration scripts: `location` is "package:folder", `table` its version table.

    Every `engine` is made by `create_engine`, or is that of a `Database`.
    """

    location: str
    table: str

    async def upgrade(self, engine: AsyncEngine) -> None:
        """Bring the tables up to date, unless they are.

        Several workers may do so at once: one migrates, and the others wait and find it done. All
        scripts run in one transaction, so a crash half-way changes nothing.
        Raises `ConfigurationError` for a database that a newer version has migrated.
        """
        if await self.is_current(engine):
            return
        async with engine.begin() as connection:
            await backend_of(engine).lock_migrations(connection)
            await connection.run_sync(self._upgrade)

    async def is_current(self, engine: AsyncEngine) -> bool:
        """Return whether the tables are the ones that this version needs.

        Raises `ConfigurationError` for a database that a newer version has migrated.
        """
        revision, (known, head) = await self._revision(engine), self._scripts()
        if revision is not None and revision not in known:
            raise ConfigurationError(
                f"the database {backend_of(engine).name} is newer than this version: "
                f"it is at {revision} of {self.table}"
            )
        return revision == head

    async def health(self, engine: AsyncEngine) -> Condition:
        """Compare the tables with what this version needs.

        Unknown, if a newer version has migrated them: this version may work with the change or
        not, and goes on until it is replaced. Raises `Unavailable`.
        """
        try:
            revision = await self._revision(engine)
        except sa.exc.ProgrammingError as exc:
            name = backend_of(engine).name
            raise Unavailable(
                f"the table {self.table} of {name} cannot be read: "
                "grant SELECT on it to the app's database user"
            ) from exc
        known, head = _remembered_scripts(self)
        if revision == head:
            return Condition.OK
        return Condition.FAILING if revision is None or revision in known else Condition.UNKNOWN

    async def _revision(self, engine: AsyncEngine) -> str | None:
        """Return the tables' revision; None if they, or the database, do not exist."""
        if not backend_of(engine).exists():
            return None

        def read(sync: sa.Connection) -> str | None:
            if not sa.inspect(sync).has_table(self.table):
                return None
            version = sa.table(self.table, sa.column("version_num"))
            return sync.execute(sa.select(version.c.version_num)).scalar()

        async with engine.connect() as connection:
            return await connection.run_sync(read)

    def _scripts(self) -> tuple[frozenset[str], str | None]:
        """Return all revisions that this version has scripts for, and the newest."""
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
        # Alembic is imported where it is used: it takes longer to load than the rest of the
        # library, and most starts do not need it.
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", self.location)
        config.set_main_option("path_separator", "os")
        config.attributes["version_table"] = self.table
        return config


async def require_migrated(
    backend: Backend, lines: Sequence[Migrations], *, migrate: bool, command: str
) -> None:
    """Migrate every line, or without `migrate` require that it is up to date.

    Raises `ConfigurationError`, which names the `command` that migrates.
    """
    for each in lines:
        if migrate:
            await each.upgrade(backend.engine)
        elif not await each.is_current(backend.engine):
            raise ConfigurationError(not_migrated(backend, command))


def not_migrated(backend: Backend, command: str) -> str:
    """Return the message for an operator: which database to migrate, and how."""
    problem = "is not migrated" if backend.exists() else "does not exist"
    return f"the database {backend.name} {problem}; run: {command}"


@cache
def _remembered_scripts(migrations: Migrations) -> tuple[frozenset[str], str | None]:
    """Read the scripts once: the health is asked for again every second."""
    return migrations._scripts()  # noqa: SLF001  The class is above.


TOKENPAIR_MIGRATIONS = Migrations("tokenpair:stores/sql/migrations", "tokenpair_migration")
"""The library's own migrations."""


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
        # Other tables in the database are not ours.
        include_name=lambda name, kind, _: kind != "table" or name in metadata.tables,
    )
    with context.begin_transaction():
        context.run_migrations()
