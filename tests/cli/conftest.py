"""An empty folder, and the command that runs in it."""

import os
import sys
from pathlib import Path

import pytest

from tests.cli.running import Command
from tokenpair.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Change to an empty folder, without settings in the environment."""
    for name in [name for name in os.environ if name.startswith("TOKENPAIR_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run `tokenpair` with arguments; return its status, output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["tokenpair", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        output = capsys.readouterr()
        return int(stopped.value.code or 0), output.out, output.err

    return run


@pytest.fixture
def production(folder: Path, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of production, all but the database's."""
    command("keys", "new", "--file", "keys.json")
    monkeypatch.setenv("TOKENPAIR_ENVIRONMENT", "production")
    monkeypatch.setenv("TOKENPAIR_KEYS_FILE", str(folder / "keys.json"))
    monkeypatch.setenv("TOKENPAIR_BASE_URL", "https://books.example.com")
    monkeypatch.setenv("TOKENPAIR_TRUSTED_PROXY_HOPS", "0")
