"""The parts that flows are made of, and how a flow gets its own."""

from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, TypeVar, get_type_hints
from uuid import UUID

from tokenpair.core.accounts.password_policy import PasswordPolicy
from tokenpair.core.events import Notify
from tokenpair.core.sessions.rule import Windows
from tokenpair.core.tokens.codec import Codec
from tokenpair.core.tokens.lifetimes import Lifetimes
from tokenpair.core.tokens.verified import VerifiedTokens
from tokenpair.flows.sessions.judge import Doubt
from tokenpair.ports import Clock, PasswordHasher, Storage, Watch

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Flow = TypeVar("Flow", bound="DataclassInstance")


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Everything that a flow may ask for: a field of a flow gets the part of the same name.

    To let flows use something new, add a field here. A name has one type in all flows.
    """

    storage: Storage
    clock: Clock
    random: Callable[[int], bytes] = field(repr=False)
    new_id: Callable[[], UUID]
    passwords: PasswordHasher
    policy: PasswordPolicy
    lifetimes: Lifetimes
    windows: Windows
    codec: Codec
    watch: Watch
    verified: VerifiedTokens
    doubt: Doubt
    notify: Notify

    def build(self, flow: type[Flow]) -> Flow:
        """Make a flow from these parts.

        A field whose name is no part is itself made from these parts, such as the `Mint` and the
        `Judge` of `Renew`. Raises `TypeError` for a field that is neither.
        """
        types = get_type_hints(flow)
        found = {each.name: self._part(flow, each.name, types[each.name]) for each in fields(flow)}
        make: Callable[..., Flow] = flow
        return make(**found)

    def _part(self, flow: type, name: str, kind: type) -> object:
        if name in _NAMES:
            return getattr(self, name)
        if is_dataclass(kind):
            return self.build(kind)
        raise TypeError(f"{flow.__name__}.{name}: no part has this name; add it to Parts")


_NAMES = frozenset(each.name for each in fields(Parts))
