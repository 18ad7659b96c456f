"""PostgreSQL's URLs as libpq, platforms and other drivers write them."""

import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from tests.servers import PostgresServer, postgres
from tests.tls import write_certificates
from tests.tls_front import TlsFront
from tokenpair import Settings
from tokenpair.backends import make_wake_up
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.stores.sql import SqlStorage
from tokenpair.stores.sql.postgres.connection import Connector
from tokenpair.stores.sql.postgres.url import Host, parse_postgres_url
from tokenpair.testing.store_contract import (
    FORGIVING,
    NOW,
    keep,
    make_session,
    make_token,
    make_user,
)

ODD = "p@ss:w/rd%?#&=+ ü$'\""
"""A password that must be written with percent signs."""


HBA = "local all odd scram-sha-256\nlocal all all trust\n"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """Run a server that wants the password of the role `odd`."""
    with postgres() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            password = sql.Literal(ODD)
            create = sql.SQL("CREATE ROLE odd SUPERUSER LOGIN PASSWORD {}")
            connection.execute(create.format(password))
            connection.execute(sql.SQL("CREATE ROLE reader LOGIN"))
            connection.execute("ALTER ROLE reader SET default_transaction_read_only = on")
            (folder_of(server) / "data" / "pg_hba.conf").write_text(HBA)
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    write_certificates(folder)
    return folder


@pytest.fixture
def database(server: PostgresServer) -> Iterator[str]:
    """Make an empty database, and return its name."""
    url = server.create_database()
    yield url.partition("@/")[2].partition("?")[0]
    server.drop_database(url)


def folder_of(server: PostgresServer) -> Path:
    return Path(server.url("x").partition("?host=")[2])


async def use_every_connection(url: str) -> None:
    """Open each kind of connection to the database, and use it."""
    storage = SqlStorage.from_url(url)
    bell = make_wake_up(Settings(database_url=SecretStr(url)))
    assert bell is not None
    user = make_user()
    session = make_session(user)
    try:
        await storage.open(migrate=True)
        await keep(storage, user, session)
        assert await storage.session_state(session.user_id, session.id, NOW)
        assert await storage.renew(make_token(session), NOW, FORGIVING)
        await storage.read_feed(None, reload=False)
        heard = 0
        async for _ in bell.notifications():
            heard += 1
            if heard == 2:
                break
            await bell.notify()
    finally:
        await bell.close()
        await storage.close()


async def use_through_tls(
    template: str, server: PostgresServer, certificates: Path, database: str
) -> TlsFront:
    """Use every connection with a TLS server in front; return what that has counted."""
    folder = folder_of(server)
    asks = "{cert}" in template
    async with TlsFront.before(folder, certificates, asks_for_certificate=asks) as front:
        await use_every_connection(
            template.format(
                port=front.port,
                db=database,
                odd=f"odd:{quote(ODD, safe='')}",
                socket=folder,
                quoted_socket=quote(str(folder), safe=""),
                ca=certificates / "ca.pem",
                cert=certificates / "client.pem",
                key=certificates / "client.key",
            )
        )
    return front


@pytest.mark.parametrize(
    "template",
    [
        "postgres://postgres@127.0.0.1:{port}/{db}",
        "POSTGRESQL://postgres@127.0.0.1:{port}/{db}",
        "postgresql+asyncpg://postgres@127.0.0.1:{port}/{db}",
        "postgresql+psycopg://postgres@127.0.0.1:{port}/{db}",
        "postgresql+psycopg2://postgres@127.0.0.1:{port}/{db}\n",
        "postgresql://{odd}@127.0.0.1:{port}/{db}",
        "postgresql://{odd}@/{db}?host={socket}",
        "postgresql://{odd}@{quoted_socket}:5432/{db}",
        "postgresql://{odd}@127.0.0.1:1,127.0.0.1:{port}/{db}",
        "postgresql://{odd}@/{db}?host=127.0.0.1:1&host=127.0.0.1:{port}",
        "postgresql://{odd}@/{db}?host=127.0.0.1,127.0.0.1&port=1,{port}",
        "postgresql://{odd}@{quoted_socket}:1,127.0.0.1:{port}/{db}?target_session_attrs=primary",
        "postgresql:///?host=127.0.0.1&port={port}&user=postgres&dbname={db}",
        "postgresql://postgres@127.0.0.1:{port}/{db}?application_name=a&options=-csearch_path%3Dpublic",
        "postgresql://postgres@127.0.0.1:{port}/{db}?connect_timeout=10&keepalives=1&keepalives_idle=30",
        "postgresql://postgres@127.0.0.1:{port}/{db}?gssencmode=disable&sslmode=disable&sslsni=1",
        "postgresql://postgres@127.0.0.1:{port}/{db}?passfile=/nowhere",
        "postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=prefer&channel_binding=prefer",
        "postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=require",
        "postgresql://postgres@127.0.0.1:{port}/{db}?ssl=true",
        "postgresql://postgres@127.0.0.1:{port}/{db}?ssl=require",
        "postgresql://postgres@127.0.0.1:{port}/{db}?requiressl=1",
        "postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=verify-ca&sslrootcert={ca}",
        "postgresql://postgres@localhost:{port}/{db}?sslmode=verify-full&sslrootcert={ca}",
        "postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=require&sslcert={cert}&sslkey={key}",
    ],
)
async def test_every_spelling_works_on_every_connection(
    server: PostgresServer, certificates: Path, database: str, template: str
) -> None:
    front = await use_through_tls(template, server, certificates, database)

    if "disable" in template or "{port}" not in template:
        assert front.encrypted == 0
    else:  # The two engines', a renewal's, the feed's, two for wake-ups, and one at the start.
        assert (front.plain, front.encrypted) == (0, 7)


@pytest.mark.parametrize(
    "template",
    [
        # The certificate is for localhost alone.
        "postgresql://postgres@127.0.0.1:{port}/{db}?sslmode=verify-full&sslrootcert={ca}",
        # It was signed by an authority that this machine does not know.
        "postgresql://postgres@localhost:{port}/{db}?sslmode=verify-full&sslrootcert=system",
        "postgresql://postgres@localhost:{port}/{db}?sslrootcert=system",
    ],
    ids=["wrong host", "unknown authority", "system alone"],
)
async def test_a_server_that_cannot_prove_itself_is_refused(
    server: PostgresServer, certificates: Path, database: str, template: str
) -> None:
    with pytest.raises(Unavailable, match="is not trusted: its certificate is invalid"):
        await use_through_tls(template, server, certificates, database)


async def test_a_missing_file_of_authorities_is_reported_at_the_start(
    server: PostgresServer,
    certificates: Path,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    template = "postgresql://postgres@localhost:{port}/{db}?sslmode=verify-full"

    with pytest.raises(ConfigurationError, match="root certificate file"):
        await use_through_tls(template, server, certificates, database)


async def test_of_several_hosts_one_that_takes_no_writes_is_passed_over(
    server: PostgresServer, database: str
) -> None:
    """Such as a standby, for which a role that may not write stands here."""
    folder = folder_of(server)
    storage = SqlStorage.from_url(f"postgresql://reader@/{database}?host={folder},{folder}")

    with pytest.raises(Unavailable, match="read-write"):
        await storage.open(migrate=True)

    await storage.close()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("channel_binding=require", "channel_binding: the driver has no channel binding"),
        ("sslmode=maybe", "sslmode: must be one of disable"),
        ("ssl=maybe", "ssl: must be"),
        ("sslrootcert=/nowhere.pem&sslmode=verify-full", "sslrootcert: the file cannot be read"),
        ("sslrootcert={me}&sslmode=verify-full", "sslrootcert: the file is not a valid PEM file"),
        ("sslrootcert=system&sslmode=require", "sslrootcert: system needs"),
        ("sslcert=/nowhere.pem&sslmode=require", "sslcert, sslkey: the file cannot be read"),
        ("sslnegotiation=direct", "sslnegotiation: direct needs"),
        ("ssl_min_protocol_version=SSLv3", "ssl_min_protocol_version: must be one of"),
        ("connect_timeout=soon", "connect_timeout: must be"),
        ("target_session_attrs=standby", "target_session_attrs: must be one of"),
        ("hostaddr=127.0.0.1", "hostaddr: is not supported"),
        ("client_encoding=latin1", "client_encoding: only utf8"),
        ("gssencmode=require", "gssencmode: is not supported"),
        ("require_auth=scram-sha-256", "require_auth: is not supported"),
        ("pgbouncer=true", "pgbouncer: is meant for a pooler"),
        ("prepared_statement_cache_size=0", "prepared_statement_cache_size: is meant for"),
        ("statement_cache_size=0", "statement_cache_size: is meant for"),
        ("schema=auth", "schema: is unsupported; write options="),
        ("connection_limit=5", "connection_limit: is unsupported; set TOKENPAIR_"),
        ("command_timeout=5", "command_timeout: is unknown; remove it"),
        ("host=a&host=b&port=1&port=2", "port: appears twice with different values"),
        ("database=b&dbname=a", "database: differs from dbname; write one of them"),
    ],
    ids=lambda text: text.partition(":")[0],
)
def test_an_option_that_cannot_be_followed_is_refused_by_its_name(query: str, named: str) -> None:
    url = f"postgresql://u:hunter2@h/db?{query.format(me=__file__)}"

    with pytest.raises(ConfigurationError, match=f"^the database URL: {named}") as refused:
        SqlStorage.from_url(url)

    assert len(str(refused.value).splitlines()) == 1
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:p@hunter2@h/db",
        "postgresql://u:hunter2@p@h/db",
        "postgresql://u:12/hunter2@h/db",
        "postgresql://u:12?hunter2@h/db",
        "postgresql://u:12?hunter2=1@h/db",
        "postgresql://u:p#hunter2/x@h/db",
        "postgresql://u:p@hunter2/x@h/db",
        "postgresql://hunter2@x@h/db",
        "postgres://u:p@hunter2@h1,h2/db",
    ],
)
def test_an_unescaped_password_is_refused_with_what_to_write_and_never_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="write @ as %40") as refused:
        SqlStorage.from_url(url)

    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


async def test_no_message_shows_what_stands_before_the_last_at_sign() -> None:
    storage = SqlStorage.from_url("postgresql://hunter2:hunter2#:hunter2@127.0.0.1:1/db")

    with pytest.raises(Unavailable, match=r"postgresql://127\.0\.0\.1:1/db") as refused:
        await storage.open(migrate=True)

    assert "hunter2" not in str(refused.value)
    await storage.close()


async def test_no_message_of_the_server_shows_the_user(
    server: PostgresServer, database: str, tmp_path: Path
) -> None:
    """It may be a password that was written in the wrong place."""
    url = f"postgres://hunter2@/{database}?host={folder_of(server)}"
    storage = SqlStorage.from_url(url)
    bell = make_wake_up(Settings(database_url=SecretStr(url), data_dir=tmp_path))
    assert bell is not None
    token = make_token(make_session(make_user()))

    for attempt in (
        storage.open(migrate=True),
        storage.session_state(token.subject, token.session_id, NOW),
        storage.renew(token, NOW, FORGIVING),
        storage.read_feed(None),
        storage.health(NOW),
        bell.notify(),
    ):
        with pytest.raises(
            Unavailable, match="cannot be used now: role of the URL does not exist"
        ) as refused:
            await attempt
        assert "hunter2" not in str(refused.value)
        assert "hunter2" not in str(refused.value.__cause__)

    await storage.close()


async def test_a_host_that_does_not_answer_leaves_time_for_the_next(
    server: PostgresServer, database: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        folder = quote(str(folder_of(server)), safe="")
        url = f"postgresql://postgres@127.0.0.1:{port},{folder}:5432/{database}"

        for option in ("", "?connect_timeout=3"):
            connection = await Connector(url + option).connect()
            assert await connection.fetchval("SELECT current_database()") == database
            await connection.close()


@pytest.mark.parametrize(
    ("url", "hosts", "name"),
    [
        ("postgresql://u:p@h/db", [("h", None)], "postgresql://h/db"),
        ("postgresql://u:p@[::1]:5433/db", [("::1", 5433)], "postgresql://[::1]:5433/db"),
        ("postgresql://u@/db?host=::1", [("::1", None)], "postgresql://[::1]/db"),
        ("postgresql://h1:1,h2/db", [("h1", 1), ("h2", None)], "postgresql://h1:1,h2/db"),
        ("postgresql://h1,h2/db?port=7", [("h1", 7), ("h2", 7)], "postgresql://h1:7,h2:7/db"),
        (
            "postgresql://u@/db?host=/cloudsql/project:region:name",
            [("/cloudsql/project:region:name", None)],
            "postgresql:///db?host=/cloudsql/project:region:name",
        ),
        ("postgresql:///db", [(None, None)], "postgresql:///db"),
        ("postgresql://:5433/db", [(None, 5433)], "postgresql://:5433/db"),
        ("postgresql://h/?dbname=a&database=a", [("h", None)], "postgresql://h/a"),
        ("postgresql://h/db?port=7&port=7", [("h", 7)], "postgresql://h:7/db"),
    ],
)
def test_hosts_are_read_and_named(url: str, hosts: list[Host], name: str) -> None:
    parsed = parse_postgres_url(url)

    assert list(parsed.hosts) == hosts
    assert parsed.name == name


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://h1,/db",
        "postgresql://::1/db",
        "postgresql://[::1/db",
        "postgresql://h:0/db",
        "postgresql://h:65536/db",
        "postgresql://h1,h2,h3/db?port=1,2",
        "postgresql://h/db?sslmode",
    ],
)
def test_a_url_that_cannot_be_read_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^the database URL"):
        SqlStorage.from_url(url)
