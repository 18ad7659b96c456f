"""The command `bookly`: serve the app, and migrate its database."""

import asyncio
import os
import socket
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

import bookly
import tokenpair
from bookly.app import create_app, spare_the_collector
from bookly.db import make_database
from bookly.ops import logs
from bookly.ops.connections import MAX_CONNECTIONS, BoundedProtocol, allow_open_files
from bookly.ops.supervision import SILENCE_SECONDS, Reloader, Supervisor
from bookly.ops.workers import shared_folder
from bookly.settings import BooklySettings, url_of
from bookly.web import api_docs
from tokenpair import database_url
from tokenpair.errors import ConfigurationError, TokenPairError

FACTORY = "bookly.app:create_app_from_environment"
BACKLOG = 2048
GRACE_SECONDS = 5

app = typer.Typer(
    name="bookly",
    help="Bookly, a books API with a log-in that renews itself.\n\n"
    "The settings are BOOKLY_* and TOKENPAIR_* in the environment or in .env; "
    "an option overrides both.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
db = typer.Typer(
    name="db",
    help="The database: Bookly's tables and the library's.",
    no_args_is_help=True,
)
app.add_typer(db)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(metadata.version("bookly"))
        raise typer.Exit


@app.callback()
def bookly_command(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Options that precede every command."""


def main() -> None:
    """Run the command. An error is one line on the standard error, and exit status 1."""
    try:
        app()
    except TokenPairError as exc:
        print(f"bookly: {exc}", file=sys.stderr)  # noqa: T201  A command's output.
        sys.exit(1)


def _folder(text: str) -> Path:
    # Path("") is the current folder, but most likely a variable in a script is not set.
    if not text:
        raise typer.BadParameter("is empty")
    return Path(text)


def _url(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("is empty")
    return text


DatabaseUrl = Annotated[
    str | None,
    typer.Option(
        parser=_url,
        help="Use this database: postgresql://… or sqlite:///….",
        metavar="URL",
        show_default="SQLite in the data folder",
    ),
]


@app.command()
def serve(
    *,
    host: Annotated[
        str | None,
        typer.Option(help="Address to listen on.", metavar="ADDRESS", show_default="127.0.0.1"),
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port to listen on; 0 means any free port.",
            metavar="NUMBER",
            min=0,
            max=65535,
            show_default="8000",
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the database and the keys.",
            metavar="FOLDER",
            show_default="data",
            parser=_folder,
        ),
    ] = None,
    database_url: DatabaseUrl = None,
    workers: Annotated[
        int, typer.Option(help="Number of processes.", metavar="NUMBER", min=1, max=256)
    ] = 1,
    reload: Annotated[
        bool, typer.Option("--reload", help="Restart when the code changes.")
    ] = False,
) -> None:
    """Start Bookly. Ctrl-C stops it."""
    if reload and workers > 1:
        raise typer.BadParameter("--reload runs one process; leave out --workers")
    _to_environment(
        BOOKLY_HOST=host,
        BOOKLY_PORT=port,
        TOKENPAIR_DATA_DIR=data_dir,
        TOKENPAIR_DATABASE_URL=database_url,
    )
    settings = BooklySettings.read()
    with _listen(settings.host, settings.port) as listener:
        if settings.port == 0:
            _to_environment(BOOKLY_PORT=listener.getsockname()[1])
            settings = BooklySettings.read()
        _serve(settings, listener, workers=workers, reload=reload)


@db.callback()
def db_group() -> None:
    """The database: Bookly's tables and the library's."""


@db.command("upgrade")
def upgrade(*, database_url: DatabaseUrl = None) -> None:
    """Bring the tables up to date. Safe to repeat, and to run on several machines at once."""
    _to_environment(TOKENPAIR_DATABASE_URL=database_url)
    name = asyncio.run(_open_database(BooklySettings.read(), migrate=True))
    typer.echo(f"The tables of {name} are up to date.")


def _to_environment(**variables: object) -> None:
    """Set the given variables. This process and its workers read their settings from there."""
    os.environ.update({name: str(value) for name, value in variables.items() if value is not None})


def _listen(host: str, port: int) -> socket.socket:
    """Take the port first, so that nothing is created if it is in use."""
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Without this, a process that has bound the port but does not listen is noticed too late.
        listener.listen(BACKLOG)
    except OSError as exc:
        raise ConfigurationError(
            f"cannot listen on {host}, port {port}: {exc.strerror}; "
            "choose another with --host and --port"
        ) from exc
    return listener


async def _open_database(settings: BooklySettings, *, migrate: bool) -> str:
    """Migrate the database, or require that it is migrated. Return its name."""
    database = make_database(database_url(settings.auth))
    try:
        await database.open(migrate=migrate)
    finally:
        await database.close()
    return database.name


def _serve(
    settings: BooklySettings, listener: socket.socket, *, workers: int, reload: bool
) -> None:
    logs.configure(production=settings.auth.is_production)
    # What could stop the start is checked here, before a server runs: it is reported in one line.
    app = create_app(settings)
    asyncio.run(_open_database(settings, migrate=not settings.auth.is_production))
    config = uvicorn.Config(
        FACTORY if reload or workers > 1 else app,
        factory=reload or workers > 1,
        workers=workers,
        reload=reload,
        reload_dirs=_code() if reload else None,
        log_config=None,
        backlog=BACKLOG,
        http=BoundedProtocol,
        limit_concurrency=MAX_CONNECTIONS,
        server_header=False,
        # A client that does not finish its request must not keep the server from stopping.
        timeout_graceful_shutdown=GRACE_SECONDS,
        timeout_worker_healthcheck=SILENCE_SECONDS,
        # The library counts the trusted proxies: TOKENPAIR_TRUSTED_PROXY_HOPS.
        proxy_headers=False,
    )
    _show_addresses(settings)
    allow_open_files()  # Worker processes inherit the limit.
    server = uvicorn.Server(config)
    # At the end, Uvicorn raises the signal that stopped it again.
    if reload:
        Reloader(config, target=server.run, sockets=[listener]).run()
    elif workers > 1:
        # First, because it takes over the signals: from then on, the folder is always removed.
        supervisor = Supervisor(config, sockets=[listener])
        with shared_folder():
            supervisor.run()
    else:
        spare_the_collector()
        server.run(sockets=[listener])


def _code() -> list[str]:
    """Return the folders that --reload watches."""
    return [str(Path(each.__path__[0])) for each in (bookly, tokenpair)]


def _show_addresses(settings: BooklySettings) -> None:
    url = url_of(settings.host, settings.port)
    typer.echo(f"Bookly is at {url}")
    typer.echo(f"  API docs  {url}{api_docs.PATH}")
    typer.echo(f"  health    {url}/health/ready")
    typer.echo(f"  data      {_data_location(settings)}")
    typer.echo("Ctrl-C stops it.")
    sys.stdout.flush()


def _data_location(settings: BooklySettings) -> str:
    if settings.auth.database_url is None:
        return str(settings.auth.data_dir.absolute())
    return make_database(database_url(settings.auth)).name
