"""`tokenpair db`: the library's tables."""

import asyncio

import typer

from tokenpair.assembly import make_storage
from tokenpair.settings import Settings

app = typer.Typer(name="db", help="The library's tables.", no_args_is_help=True)


@app.callback()
def db() -> None:
    """The library's tables."""


@app.command("upgrade")
def upgrade() -> None:
    """Bring the tables up to date. Doing it twice is fine, also from two machines at once."""

    async def run() -> None:
        settings = Settings.read()
        storage = make_storage(settings)
        try:
            await storage.open(migrate=True, access=settings.lifetimes.access)
        finally:
            await storage.close()

    asyncio.run(run())
    typer.echo("The tables are up to date.")
