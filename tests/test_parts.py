"""Every flow is built from the same parts, by the names of its fields."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass, fields
from inspect import signature
from typing import Any, Never, get_type_hints

import pytest

import tokenpair.flows
from tokenpair.auth import Auth
from tokenpair.flows.accounts.administer import Disable, Enable, SetRoles
from tokenpair.flows.accounts.profile import GetUser
from tokenpair.keys import KeySource
from tokenpair.parts import PART_TYPES, Parts
from tokenpair.stores.memory import MemoryStorage
from tokenpair.testing import make_auth


def flows() -> Iterator[type[Any]]:
    """Find each class in `tokenpair.flows` that is called to do something."""
    for found in pkgutil.walk_packages(tokenpair.flows.__path__, "tokenpair.flows."):
        module = importlib.import_module(found.name)
        for each in vars(module).values():
            is_own = isinstance(each, type) and each.__module__ == module.__name__
            if is_own and "__call__" in vars(each):
                yield each


FLOWS = sorted(flows(), key=lambda flow: flow.__name__)


def parts_of(auth: Auth) -> Parts:
    return auth._parts


def test_there_are_flows_to_build() -> None:
    assert len(FLOWS) >= 14


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_a_flow_gets_the_part_of_the_same_name_and_type(flow: type[Any]) -> None:
    parts = parts_of(make_auth())

    built = parts.build(flow)

    check(built, parts)


def check(built: Any, parts: Parts) -> None:
    asked = get_type_hints(type(built))
    for each in fields(built):
        value = getattr(built, each.name)
        if each.name in PART_TYPES:
            assert asked[each.name] == PART_TYPES[each.name], each.name
            assert value is getattr(parts, each.name)
        else:
            assert type(value) is asked[each.name]
            check(value, parts)


def test_a_name_has_one_type_in_all_flows() -> None:
    types: dict[str, set[Any]] = {}

    for flow in FLOWS:
        for name, kind in get_type_hints(flow).items():
            types.setdefault(name, set()).add(kind)

    assert {name: kinds for name, kinds in types.items() if len(kinds) > 1} == {}


def test_a_field_that_is_not_a_part_is_named_in_the_error() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Greet:
        greeting: str

    with pytest.raises(TypeError, match="greeting"):
        parts_of(make_auth()).build(Greet)


def test_a_flow_that_needs_no_keys_passwords_or_rules_is_built_without_them() -> None:
    """A command may run where the keys cannot be read, or the windows contradict each other."""

    def fail() -> Never:
        raise AssertionError

    parts = Parts(
        storage=MemoryStorage(),
        keys=KeySource(fail),
        issuer="https://auth.test",
        audience="https://auth.test",
        make_passwords=fail,
        make_rules=fail,
    )

    for flow in (SetRoles, Disable, Enable, GetUser):
        assert parts.build(flow)


def test_an_auth_has_few_parameters_in_groups() -> None:
    assert len(signature(Auth).parameters) <= 12
