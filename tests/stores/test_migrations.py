"""Migrations create the tables once, completely, and change no other tables."""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.servers import PostgresServer
from tests.storages import database_url
from tokenpair import EmailAddress, User
from tokenpair.core.accounts.user import StoredUser
from tokenpair.core.sessions.rule import EndReason, StoredSession, Windows
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql import TOKENPAIR_MIGRATIONS, Migrations, SqlStorage, create_engine
from tokenpair.stores.sql.accounts import _to_row as user_row
from tokenpair.stores.sql.sessions import _to_row as session_row
from tokenpair.stores.sql.tables import metadata, session_table, user_table
from tokenpair.testing.store_contract import (
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
    read_session,
    read_user,
)

OURS = {
    "tokenpair_limit",
    "tokenpair_migration",
    "tokenpair_one_time",
    "tokenpair_outbox",
    "tokenpair_revocation",
    "tokenpair_session",
    "tokenpair_setting",
    "tokenpair_user",
}

PREPARING = re.compile(r"CREATE UNIQUE INDEX CONCURRENTLY [^;]+")

ENVIRONMENT = """
import sqlalchemy as sa
from tokenpair.stores.sql import run_scripts
run_scripts(sa.MetaData())
"""
FIRST = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "0001", None
def upgrade():
    op.create_table("shelf", sa.Column("id", sa.Integer, primary_key=True))
    op.execute("INSERT INTO shelf VALUES (1)")
"""
SECOND = """
from alembic import op
revision, down_revision = "0002", "0001"
def upgrade():
    op.execute("INSERT INTO shelf VALUES (2)")
    {ending}
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return database_url(request, tmp_path)


@pytest.fixture
async def storage(url: str) -> AsyncIterator[SqlStorage]:
    storage = SqlStorage.from_url(url)
    yield storage
    await storage.close()


@pytest.fixture
async def engine(url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(url)
    yield engine
    await engine.dispose()


class Scripts:
    """A package with two migrations, of which the second may break."""

    def __init__(self, folder: Path) -> None:
        package = f"scripts_{secrets.token_hex(4)}"
        self._versions = folder / package / "migrations" / "versions"
        self._versions.mkdir(parents=True)
        (folder / package / "__init__.py").touch()
        (self._versions.parent / "env.py").write_text(ENVIRONMENT)
        (self._versions / "0001_first.py").write_text(FIRST)
        self.migrations = Migrations(f"{package}:migrations", "shelf_migration")

    def write_second(self, *, ending: str = "") -> None:
        (self._versions / "0002_second.py").write_text(SECOND.format(ending=ending))


@pytest.fixture
def scripts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scripts:
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    return Scripts(tmp_path)


async def migrate_to(engine: AsyncEngine, revision: str) -> None:
    """Bring the tables to an earlier revision, as an older version left them."""

    def upgrade(connection: sa.Connection) -> None:
        config = TOKENPAIR_MIGRATIONS._config()
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    async with engine.begin() as connection:
        await connection.run_sync(upgrade)


async def insert_as_of_then(engine: AsyncEngine, user: User, *sessions: StoredSession) -> None:
    """Insert rows into the columns that the tables have now."""

    rows = [
        (user_table, user_row(StoredUser(user=user))),
        *((session_table, session_row(each)) for each in sessions),
    ]

    def insert(connection: sa.Connection) -> None:
        for table, row in rows:
            known = {each["name"] for each in sa.inspect(connection).get_columns(table.name)}
            present = {name: value for name, value in row.items() if name in known}
            connection.execute(table.insert().values(present))

    async with engine.begin() as connection:
        await connection.run_sync(insert)


async def tables(engine: AsyncEngine) -> set[str]:
    async with engine.connect() as connection:
        return await connection.run_sync(lambda sync: set(sa.inspect(sync).get_table_names()))


async def execute(engine: AsyncEngine, *statements: str) -> None:
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(sa.text(statement))


async def scalars(engine: AsyncEngine, question: str) -> list[object]:
    async with engine.connect() as connection:
        return list((await connection.execute(sa.text(question))).scalars())


class TestOurs:
    async def test_they_make_exactly_the_tables_that_the_code_uses(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        await storage.open(migrate=True)

        def differences(connection: sa.Connection) -> list[object]:
            options = {"version_table": "tokenpair_migration", "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            found: list[object] = compare_metadata(context, metadata)
            return found

        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
        assert await tables(engine) == OURS

    @pytest.mark.parametrize("url", ["postgres"], indirect=True)
    async def test_pages_keep_room_for_renewals(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        await storage.open(migrate=True)

        options = await scalars(
            engine, "SELECT reloptions FROM pg_class WHERE relname = 'tokenpair_session'"
        )

        assert options == [["fillfactor=80"]]

    async def test_migrating_again_changes_nothing(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        user = make_user()
        await storage.open(migrate=True)
        await keep(storage, user)

        await TOKENPAIR_MIGRATIONS.upgrade(engine)
        await storage.open(migrate=True)

        assert await read_user(storage, user) == user
        assert await TOKENPAIR_MIGRATIONS.is_current(engine)

    async def test_addresses_are_compared_by_ascii_case_alone_after_migrating(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        await migrate_to(engine, "0005")
        straight, strange = (
            replace(make_user(), email=EmailAddress(typed, old))
            for typed, old in [
                ("STRA\u00dfE@example.com", "strasse@example.com"),
                ("ada\u3164@example.com", "ada\u3164@example.com"),
            ]
        )
        await insert_as_of_then(engine, straight)
        await insert_as_of_then(engine, strange)

        await TOKENPAIR_MIGRATIONS.upgrade(engine)

        async with storage.reading() as look:
            for typed in ("stra\u00dfe@example.com", "ada\u3164@example.com"):
                assert await look.users.by_email(EmailAddress.parse(typed)), typed
            assert await look.users.by_email(EmailAddress.parse("strasse@example.com")) is None

    async def test_every_batch_is_migrated_and_an_invalid_address_stays(
        self, engine: AsyncEngine
    ) -> None:
        await migrate_to(engine, "0005")
        rows = [
            {
                "id": UUID(int=number + 1),
                "email": typed,
                "email_canonical": typed.casefold(),
                "roles": [],
                "version": 0,
                "profile": {},
                "created_at": NOW,
            }
            for number, typed in enumerate(
                ["written by hand \u00c9", *(f"\u00c9va{each}@example.com" for each in range(1100))]
            )
        ]
        async with engine.begin() as connection:
            await connection.execute(user_table.insert(), rows)

        await TOKENPAIR_MIGRATIONS.upgrade(engine)

        stored = set(await scalars(engine, "SELECT email_canonical FROM tokenpair_user"))
        expected = {f"\u00c9va{each}@example.com" for each in range(1100)}
        assert stored == expected | {"written by hand \u00e9"}

    @pytest.mark.parametrize("is_prepared", [False, True], ids=["", "index-built-beforehand"])
    async def test_sessions_survive_when_their_key_gets_the_user(
        self, storage: SqlStorage, engine: AsyncEngine, is_prepared: bool
    ) -> None:
        await migrate_to(engine, "0006")
        ada, eve = make_user(), make_user("eve@example.com")
        sessions = [
            make_session(ada, generation=2**40, user_agent="Gr\u00f6\u00dfe", ip="2001:db8::1"),
            make_session(ada, previous=None, ended_at=NOW, end_reason=EndReason.REPLAY),
            make_session(eve),
        ]
        await insert_as_of_then(engine, ada, *sessions[:2])
        await insert_as_of_then(engine, eve, sessions[2])
        if is_prepared and engine.dialect.name == "postgresql":
            (statement,) = PREPARING.findall(Path("docs/how-to/postgresql.md").read_text())
            await execute(engine, statement.replace("CONCURRENTLY", ""))

        await TOKENPAIR_MIGRATIONS.upgrade(engine)

        assert [await read_session(storage, each) for each in sessions] == sessions
        async with engine.connect() as connection:
            inspector = await connection.run_sync(sa.inspect)
            key = await connection.run_sync(
                lambda _: inspector.get_pk_constraint("tokenpair_session")
            )
            foreign_keys = await connection.run_sync(
                lambda _: inspector.get_foreign_keys("tokenpair_session")
            )
        assert key["constrained_columns"] == ["user_id", "id"]
        assert [each["options"] for each in foreign_keys] == [{"ondelete": "CASCADE"}]

    async def test_a_session_from_before_amr_renews_without_it(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        await migrate_to(engine, "0007")
        ada = make_user()
        session = make_session(ada)
        await insert_as_of_then(engine, ada, session)

        await TOKENPAIR_MIGRATIONS.upgrade(engine)

        renewed = await storage.renew(make_token(session), NOW, Windows())
        assert renewed is not None
        assert renewed.amr == frozenset()

    async def test_other_tables_are_left_alone(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        """Also those of an app's own Alembic, with another revision."""
        await execute(
            engine,
            "CREATE TABLE book (title TEXT)",
            "INSERT INTO book VALUES ('Emma')",
            "CREATE TABLE alembic_version (version_num TEXT)",
            "INSERT INTO alembic_version VALUES ('theirs')",
        )

        await storage.open(migrate=True)

        assert await tables(engine) == OURS | {"book", "alembic_version"}
        assert await scalars(engine, "SELECT title FROM book") == ["Emma"]
        assert await scalars(engine, "SELECT version_num FROM alembic_version") == ["theirs"]

    async def test_without_leave_to_migrate_it_says_what_to_do(
        self, storage: SqlStorage, engine: AsyncEngine
    ) -> None:
        with pytest.raises(ConfigurationError, match="tokenpair db upgrade"):
            await storage.open(migrate=False)

        assert await tables(engine) == set()

    @pytest.mark.parametrize("migrate", [True, False])
    async def test_a_database_of_a_newer_version_is_refused(
        self, storage: SqlStorage, engine: AsyncEngine, *, migrate: bool
    ) -> None:
        await storage.open(migrate=True)
        await execute(engine, "UPDATE tokenpair_migration SET version_num = '9999'")

        with pytest.raises(ConfigurationError, match=r"newer.*9999"):
            await storage.open(migrate=migrate)

        assert await scalars(engine, "SELECT version_num FROM tokenpair_migration") == ["9999"]


class TestAnApps:
    async def test_an_app_migrates_beside_us(
        self, storage: SqlStorage, engine: AsyncEngine, scripts: Scripts
    ) -> None:
        scripts.write_second()
        await storage.open(migrate=True)

        await scripts.migrations.upgrade(engine)

        assert await tables(engine) == OURS | {"shelf", "shelf_migration"}
        assert await scalars(engine, "SELECT id FROM shelf ORDER BY id") == [1, 2]
        await storage.open(migrate=False)

    async def test_only_what_is_missing_is_done(
        self, engine: AsyncEngine, scripts: Scripts
    ) -> None:
        await scripts.migrations.upgrade(engine)
        scripts.write_second()

        was_current = await scripts.migrations.is_current(engine)
        await scripts.migrations.upgrade(engine)

        assert not was_current
        assert await scripts.migrations.is_current(engine)
        assert await scalars(engine, "SELECT id FROM shelf ORDER BY id") == [1, 2]

    async def test_a_crash_half_way_leaves_nothing_behind(
        self, engine: AsyncEngine, scripts: Scripts
    ) -> None:
        scripts.write_second(ending="raise LookupError('half-way')")

        with pytest.raises(LookupError, match="half-way"):
            await scripts.migrations.upgrade(engine)

        assert await tables(engine) == set()

    async def test_a_crash_half_way_can_be_mended(
        self, engine: AsyncEngine, scripts: Scripts
    ) -> None:
        await scripts.migrations.upgrade(engine)
        scripts.write_second(ending="raise LookupError('half-way')")
        with pytest.raises(LookupError, match="half-way"):
            await scripts.migrations.upgrade(engine)
        half_way = await scalars(engine, "SELECT id FROM shelf")
        scripts.write_second()

        await scripts.migrations.upgrade(engine)

        assert half_way == [1]
        assert await scalars(engine, "SELECT id FROM shelf ORDER BY id") == [1, 2]


class TestAddresses:
    @pytest.mark.parametrize(
        "where",
        [
            pytest.param("u:hunter2@127.0.0.1:1/db", id="nobody-listens"),
            pytest.param("u:hunter2@/db?host=/nowhere", id="no-socket"),
        ],
    )
    async def test_an_unreachable_database_is_unavailable(self, where: str) -> None:
        storage = SqlStorage.from_url(f"postgresql://{where}")

        for attempt in (
            storage.open(migrate=True),
            storage.open(migrate=False),
            storage.session_state(make_user().id, make_user().id, NOW),
            storage.health(NOW),
        ):
            with pytest.raises(Unavailable) as refused:
                await attempt
            assert "hunter2" not in str(refused.value)

        await storage.close()

    async def test_a_missing_database_is_unavailable(self, postgres_server: PostgresServer) -> None:
        url = postgres_server.url("nonesuch")
        storage = SqlStorage.from_url(url)

        with pytest.raises(Unavailable):
            await storage.open(migrate=True)

        await storage.close()

    async def test_a_full_server_is_unavailable(self, postgres_url: str) -> None:
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("CREATE ROLE crowded LOGIN CONNECTION LIMIT 0")
        crowded = postgres_url.replace("postgres@", "crowded@")
        storage = SqlStorage.from_url(crowded)

        with pytest.raises(Unavailable):
            await storage.open(migrate=False)

        await storage.close()
        with psycopg.connect(postgres_url, autocommit=True) as connection:
            connection.execute("DROP ROLE crowded")

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "hunter2",
            "postgresql:/hunter2",
            "mysql://u:hunter2@host/db",
            "postgresql+nonesuch://u:hunter2@host/db",
            "postgresql://u:hunter2@host:port/db",
            # An "@" in a password must be written %40.
            "postgresql://u:p@ss:hunter2@host/db",
            "sqlite+pysqlite:///hunter2.db",
            "sqlite://",
            "sqlite:///:memory:",
            "sqlite:///file:hunter2.db",
            "sqlite:///hunter2.db?mode=ro&uri=true",
        ],
    )
    def test_a_bad_url_is_refused_without_showing_it(self, url: str) -> None:
        with pytest.raises(ConfigurationError) as refused:
            SqlStorage.from_url(url)

        assert "hunter2" not in str(refused.value)
        assert refused.value.__cause__ is None
        assert refused.value.__suppress_context__ or refused.value.__context__ is None
