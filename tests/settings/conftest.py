"""Settings are read from an empty environment, in an empty folder."""

from pathlib import Path

import pytest

from tokenpair import Settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv(f"TOKENPAIR_{name.upper()}", raising=False)
