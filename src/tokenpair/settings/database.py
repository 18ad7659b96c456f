"""The database, and the number of connections to it."""

from pydantic import Field, SecretStr

from tokenpair.settings.environment import EnvironmentSettings


class DatabaseSettings(EnvironmentSettings):
    """The database; without a URL, SQLite in the data folder."""

    database_url: SecretStr | None = Field(
        None, examples=["postgresql://user:password@localhost/bookly"]
    )
    database_pool_size: int | None = Field(None, ge=1, le=1000, examples=["10"])
    database_renewal_lanes: int | None = Field(None, ge=0, le=100, examples=["2"])
