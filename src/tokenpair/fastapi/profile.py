"""An app's own fields of an account, with the same rules in all requests and answers.

A profile is stored as JSON, each field by its name. On the wire a field has its alias, if it has
one. Every stored profile was validated by the app's class, with its validators and configuration.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import InitErrorDetails

from tokenpair.fastapi.profile_class import fields_alone, require_usable
from tokenpair.fastapi.text import WrongValue, unstorable

_log = logging.getLogger(__name__)


class Profile(BaseModel):
    """An app's own fields of an account: derive from it, and pass your class to `install`.

    The class validates what a client sends and what is stored. So a validator must accept its own
    result, and a field that is added later needs a default. This class has no fields.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")


P = TypeVar("P", bound=Profile)


class Profiles(Generic[P]):
    """Reads, checks and writes the profiles of one class."""

    def __init__(self, kind: type[P]) -> None:
        """Raises `ConfigurationError`, naming the field, for a class that cannot be used."""
        self.kind = kind
        self.wire_names: dict[str, str] = require_usable(kind)
        self._alone = fields_alone(kind)
        self._names = {wire: name for name, wire in self.wire_names.items()}
        config = kind.model_config
        self._forbids_unknown = config.get("extra") == "forbid"
        self._takes_names = config.get("validate_by_name") or config.get("populate_by_name")
        self._reported: set[str] = set()

    def sent(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a client has sent, by wire names, not yet validated by the class.

        Raises `ValidationError` for an unknown field, for one that is sent by both its names, and
        for a value that JSON or a database cannot store.
        """
        sent: dict[str, Any] = {}
        errors: list[InitErrorDetails] = []
        for key, value in body.items():
            wire = self._wire_name(key)
            if wire is None:
                if self._forbids_unknown:
                    errors.append(InitErrorDetails(type="extra_forbidden", loc=(key,), input=None))
            elif wire in sent:
                errors.append(_wrong(wire, "must not be sent by both its names"))
            elif reason := unstorable(value):
                errors.append(_wrong(wire, reason))
            else:
                sent[wire] = value
        if errors:
            raise ValidationError.from_exception_data(self.kind.__name__, errors)
        return sent

    def stored(self, sent: Mapping[str, Any]) -> dict[str, Any]:
        """Validate a whole profile, by wire names, and return it as it is stored.

        Raises `ValidationError`.
        """
        profile = self.kind.model_validate_json(json.dumps(sent))
        stored = profile.model_dump(
            mode="json", by_alias=False, round_trip=True, include=set(self.wire_names)
        )
        errors = [
            _wrong(self.wire_names[name], reason)
            for name, value in stored.items()
            if (reason := unstorable(value))
        ]
        if errors:
            raise ValidationError.from_exception_data(self.kind.__name__, errors)
        return stored

    def changed(self, stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """Return a stored profile with changes, by wire names, as a sign-up would store it.

        Stored values that are no longer valid are dropped first. Raises `ValidationError`.
        """
        kept = self.read(stored).model_dump(
            mode="json", by_alias=True, round_trip=True, exclude_unset=True, warnings=False
        )
        return self.stored(kept | dict(changes))

    def read(self, stored: Mapping[str, Any]) -> P:
        """Return a stored profile as an instance of the app's class.

        A field that is not stored, or whose value is no longer valid, has its default; without a
        default the attribute is missing. If only a validator of the whole model raises an error,
        each field is as it is stored.
        """
        sent = {wire: stored[name] for name, wire in self.wire_names.items() if name in stored}
        try:
            return self._read(self.kind, sent)
        except Exception:  # noqa: BLE001  An app's validator may fail on an older value.
            profile = self._read_alone(sent)
        present = self.by_names(profile)
        for name in self.wire_names:
            if name in stored and (name not in present or present[name] != stored[name]):
                self._report(name, "the stored value of an account is not valid")
            elif name not in present:
                self._report(name, "an account does not have it, and it has no default")
        return profile

    def by_names(self, profile: P) -> dict[str, Any]:
        """Return the fields that a profile has, in JSON types, by the fields' names."""
        return self._dump(profile, by_alias=False)

    def by_wire_names(self, profile: P) -> dict[str, Any]:
        """Return the fields that a profile has, in JSON types, by the names on the wire."""
        return self._dump(profile, by_alias=True)

    def _dump(self, profile: P, *, by_alias: bool) -> dict[str, Any]:
        present = self.wire_names.keys() & vars(profile).keys()
        # Without this, Pydantic warns of a required field that is missing.
        return profile.model_dump(mode="json", by_alias=by_alias, include=present, warnings=False)

    def _wire_name(self, key: str) -> str | None:
        if key in self._names:
            return key
        return self.wire_names.get(key) if self._takes_names else None

    @staticmethod
    def _read(kind: type[P], sent: Mapping[str, Any]) -> P:
        # Models inside the profile are stored by the names of their fields.
        return kind.model_validate_json(json.dumps(sent), by_alias=True, by_name=True)

    def _read_alone(self, sent: dict[str, Any]) -> P:
        """Read each field separately, without those whose values are not valid."""
        left = {wire: value for wire, value in sent.items() if self._fits({wire: value})}
        while not self._fits(left):  # Values that are valid one by one, but not together.
            left = self._without_wrong(left)
        profile = self._read(self._alone, left)
        for name, field in self.kind.model_fields.items():
            if field.is_required() and self.wire_names[name] not in left:
                del vars(profile)[name]
        return profile

    def _fits(self, sent: Mapping[str, Any]) -> bool:
        try:
            self._read(self._alone, sent)
        except Exception:  # noqa: BLE001  As in `read`.
            return False
        return True

    def _without_wrong(self, sent: dict[str, Any]) -> dict[str, Any]:
        """Return the values without those that the class reports; {} if it reports none."""
        wrong: set[object] = set()
        try:
            self._read(self._alone, sent)
        except ValidationError as exc:
            # With `loc_by_alias=False`, a location has the field's name.
            found = [error["loc"][0] for error in exc.errors() if error["loc"]]
            wrong = {*found, *(self.wire_names.get(str(name)) for name in found)}
        except Exception:  # noqa: BLE001, S110  As in `read`. It names no field.
            pass
        left = {wire: value for wire, value in sent.items() if wire not in wrong}
        return left if len(left) < len(sent) else {}

    def _report(self, name: str, problem: str) -> None:
        """Log a problem once for each field, without the value."""
        if name not in self._reported:
            self._reported.add(name)
            _log.warning("profile field %r: %s (this is logged once)", name, problem)


def _wrong(wire: str, reason: str) -> InitErrorDetails:
    context = {"error": WrongValue(reason)}
    return InitErrorDetails(type="value_error", loc=(wire,), input=None, ctx=context)
