"""Checks of a profile's class, when it is installed."""

from collections.abc import Iterator
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic.fields import FieldInfo

from tokenpair.errors import ConfigurationError

M = TypeVar("M", bound=BaseModel)


def require_usable(kind: type[BaseModel]) -> dict[str, str]:
    """Return the name on the wire of each field, by the field's name.

    Raises `ConfigurationError`, which names the field, for a class whose fields cannot be stored
    and shown one by one, or that differs between requests and answers.
    """
    kind.model_rebuild()
    if kind.model_config.get("extra") == "allow":
        raise ConfigurationError(
            f"the profile {kind.__name__} must not have extra='allow': declare a field of the "
            "type dict[str, Any] instead"
        )
    if kind.__pydantic_decorators__.model_serializers:
        raise ConfigurationError(
            f"the profile {kind.__name__} must not have a model_serializer: its fields are "
            "stored one by one"
        )
    for model in _models_in(kind, set()):
        for name, field in model.model_fields.items():
            _require_one_name(model, name, field)
            _require_stored(model, name, field)
    names = {name: _input_name(kind, name, field) for name, field in kind.model_fields.items()}
    _require_different(names)
    return names


def fields_alone(kind: type[M]) -> type[M]:
    """Return a subclass that validates each field like `kind`, but requires none of them.

    It has no validators of the whole model.
    """
    namespace = {
        "__module__": kind.__module__,
        "__doc__": kind.__doc__,
        "model_post_init": _do_nothing,
    }
    metaclass: Any = type(kind)
    alone: type[M] = metaclass(kind.__name__, (kind,), namespace)
    for field in alone.model_fields.values():
        if field.is_required():
            field.default, field.validate_default = None, False
    alone.__pydantic_decorators__.model_validators.clear()
    alone.__pydantic_decorators__.root_validators.clear()
    alone.model_rebuild(force=True)
    return alone


def _do_nothing(profile: BaseModel, context: object, /) -> None:
    """Replace an app's own `model_post_init`, which expects a whole profile."""


def _models_in(kind: object, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """Yield a model and all models in the types of its fields, each once."""
    for each in _kinds_in(kind):
        if isinstance(each, type) and issubclass(each, BaseModel) and each not in seen:
            seen.add(each)
            yield each
            for field in each.model_fields.values():
                yield from _models_in(field.annotation, seen)


def _require_one_name(model: type[BaseModel], name: str, field: FieldInfo) -> None:
    shown = field.serialization_alias or name
    if (taken := _input_name(model, name, field)) != shown:
        raise ConfigurationError(
            f"the profile field {name!r} of {model.__name__} is {taken!r} in requests and "
            f"{shown!r} in answers: set one alias, with Field(alias=...)"
        )


def _input_name(model: type[BaseModel], name: str, field: FieldInfo) -> Any:  # noqa: ANN401
    """Return a field's name in requests: a string, or the app's alias path or choices."""
    if model.model_config.get("validate_by_alias") is False:
        return name
    return field.validation_alias or name


def _require_stored(model: type[BaseModel], name: str, field: FieldInfo) -> None:
    what = f"the profile field {name!r} of {model.__name__}"
    if field.exclude:
        raise ConfigurationError(f"{what} has exclude=True, so it would not be stored: remove that")
    if any(kind in {SecretStr, SecretBytes} for kind in _kinds_in(field.annotation)):
        raise ConfigurationError(
            f"{what} is a Pydantic secret, which would be stored as asterisks: a profile is "
            "shown to its owner, so store the secret elsewhere"
        )


def _kinds_in(annotation: object) -> Iterator[object]:
    yield annotation
    for argument in get_args(annotation):
        yield from _kinds_in(argument)


def _require_different(names: dict[str, str]) -> None:
    fields: dict[str, str] = {}
    for name, wire in names.items():
        if wire in fields:
            raise ConfigurationError(
                f"the profile fields {fields[wire]!r} and {name!r} have the same name in requests, "
                f"{wire!r}: rename one of them"
            )
        fields[wire] = name
