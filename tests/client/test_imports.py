"""What an import loads, and which names it finds."""

import subprocess
import sys
import typing

import pytest

import tokenpair
import tokenpair_client
from tokenpair import client


def test_the_client_imports_nothing_heavy() -> None:
    code = "import sys, tokenpair.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    heavy = {"fastapi", "starlette", "sqlalchemy", "cryptography", "pydantic", "keyring", "httpx"}
    assert heavy.isdisjoint(done.stdout.split())


def test_every_public_name_of_tokenpair_is_found_when_it_is_first_used() -> None:
    modules = typing.cast("dict[str, str]", vars(tokenpair)["_MODULES"])

    assert sorted(modules) == tokenpair.__all__
    assert set(tokenpair.__all__) <= set(dir(tokenpair))
    for name in modules:
        assert getattr(tokenpair, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Nonsense'"):
        getattr(tokenpair, "Nonsense")  # noqa: B009 - mypy knows that it is not there.


def test_both_names_of_the_client_have_the_same_classes() -> None:
    assert client.__all__ == tokenpair_client.__all__
    assert all(getattr(client, name) is getattr(tokenpair_client, name) for name in client.__all__)
