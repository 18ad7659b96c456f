"""A broken key file stops the start, is named, and is not replaced."""

from functools import partial
from pathlib import Path

import pytest

from tests.keys.files import BROKEN, SECRET, adding, read_or_create_keyring
from tokenpair import Key
from tokenpair.errors import ConfigurationError
from tokenpair.key_file import (
    change_keyring,
    parse_keyring,
)


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_stops_the_start_and_quotes_nothing(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError) as caught:
        read_or_create_keyring(path)

    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    error: BaseException | None = caught.value
    while error:
        assert SECRET not in str(error)
        error = error.__cause__
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_new_key_does_not_replace_a_broken_file(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(ConfigurationError):
        change_keyring(path, adding(Key.generate()))

    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_in_the_files_place_stops_the_start(path: Path) -> None:
    path.mkdir(parents=True)

    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_or_create_keyring(path)


@pytest.mark.parametrize(
    "act", [read_or_create_keyring, partial(change_keyring, change=adding(Key.generate()))]
)
def test_a_file_in_the_folders_place_stops_the_start(tmp_path: Path, act: object) -> None:
    (tmp_path / "data").write_text("not a folder")

    assert callable(act)
    with pytest.raises(ConfigurationError, match="cannot be"):
        act(tmp_path / "data" / "keys.json")


def test_an_error_names_where_the_keys_came_from() -> None:
    with pytest.raises(ConfigurationError, match=r"^TOKENPAIR_KEYS is not JSON$"):
        parse_keyring(SECRET, source="TOKENPAIR_KEYS")
