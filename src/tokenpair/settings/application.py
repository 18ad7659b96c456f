"""Where the app runs, and the names by which its tokens know it."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from tokenpair.settings.environment import EnvironmentSettings
from tokenpair.settings.fields import Name, Url


def _folder(path: Path) -> Path:
    if "?" in str(path):
        raise ValueError("must not contain a question mark")  # A database URL ends there.
    return path


class ApplicationSettings(EnvironmentSettings):
    """The environment, the data folder, the app's URL, and the proxies in front of it."""

    environment: Literal["development", "production"] = Field(
        "development", examples=["production"]
    )
    data_dir: Annotated[Path, AfterValidator(_folder)] = Field(Path("data"), examples=["./data"])
    base_url: Url = Field("http://127.0.0.1:8000", examples=["https://books.example.com"])
    issuer: Name | None = Field(None, examples=["https://books.example.com"])
    audience: Name | None = Field(None, examples=["https://books.example.com"])
    trusted_proxy_hops: int = Field(0, ge=0, le=10, examples=["1"])

    @property
    def is_production(self) -> bool:
        """Does the app run in production? Then it makes no keys and migrates no tables."""
        return self.environment == "production"
