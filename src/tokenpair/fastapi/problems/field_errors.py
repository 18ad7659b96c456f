"""Which field is invalid, and why: never its value.

FastAPI's own 422 repeats the body, and Pydantic's messages may quote the value or the client's
keys. Here an error names only fields that the route has, or the plain name of an unknown field,
and the rule that was broken.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import TypeAdapter
from starlette.requests import HTTPConnection

from tokenpair.errors import FieldError
from tokenpair.fastapi.text import WrongValue

_OBJECT = "must be a JSON object"
_NO_TYPE = "must be sent with Content-Type: application/json; the header is missing"
_OTHER_TYPE = "must be sent with Content-Type: application/json; it has another type"
_REASONS = {
    "missing": "is required",
    "extra_forbidden": "has an unknown field",
    "model_attributes_type": _OBJECT,
    "model_type": _OBJECT,
    "dict_type": _OBJECT,
}
# Pydantic's errors whose messages contain, up to the first comma, only the rule. All others,
# including those of an app's validators, may quote the value: "invalid timezone: ...".
_SAFE = frozenset(
    {
        *("bool_parsing", "bool_type", "date_from_datetime_inexact", "date_from_datetime_parsing"),
        *("date_future", "date_parsing", "date_past", "date_type", "datetime_from_date_parsing"),
        *("datetime_future", "datetime_parsing", "datetime_past", "datetime_type"),
        *("decimal_max_digits", "decimal_max_places", "decimal_parsing", "decimal_type"),
        *("decimal_whole_digits", "finite_number", "float_parsing", "float_type"),
        *("frozen_set_type", "greater_than", "greater_than_equal", "int_from_float"),
        *("int_parsing", "int_parsing_size", "int_type", "less_than", "less_than_equal"),
        *("list_type", "multiple_of", "none_required", "set_type", "string_not_ascii"),
        *("string_pattern_mismatch", "string_too_long", "string_too_short", "string_type"),
        *("time_delta_parsing", "time_delta_type", "time_parsing", "time_type"),
        *("timezone_aware", "timezone_naive", "too_long", "too_short", "tuple_type"),
        *("url_parsing", "url_scheme", "url_too_long", "url_type", "uuid_parsing", "uuid_type"),
        "uuid_version",
    }
)
# Pydantic's errors if FastAPI passes a body as text, where a JSON object or list is expected.
_OF_STRUCTURE = frozenset(
    {"dataclass_type", "dict_type", "list_type", "missing", "model_attributes_type", "model_type"}
)
# An unknown field's name that is safe to repeat: a plain identifier.
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
# How Pydantic names the value at the beginning of a message: "String should have ...".
_SUBJECT = re.compile(r"^[A-Z]\w* should")


def field_errors(request: HTTPConnection, exc: RequestValidationError) -> list[FieldError]:
    """Return the invalid fields with reasons, without duplicates."""
    known = _names_of_ours(request)
    found = [_field_error(error, known) for error in exc.errors()]
    if _is_unread(exc):
        # FastAPI has read the body as text, and reports every field as missing.
        reason = _NO_TYPE if "content-type" not in request.headers else _OTHER_TYPE
        elsewhere = [_field_error(each, known) for each in exc.errors() if each["loc"][0] != "body"]
        found = [FieldError("body", reason), *elsewhere]
    return list(dict.fromkeys(found))


def _is_unread(exc: RequestValidationError) -> bool:
    """Was JSON expected, but the body has no Content-Type, or another one?"""
    wanted = (each["type"] in _OF_STRUCTURE for each in exc.errors() if each["loc"][0] == "body")
    return isinstance(exc.body, bytes) and exc.body != b"" and any(wanted)


def _field_error(error: dict[str, Any], known: frozenset[str]) -> FieldError:
    """Return the field's name with the reason. An unknown field is named if its name is plain."""
    kind, location = error["type"], error["loc"]
    if kind == "json_invalid":
        return FieldError("body", "is not valid JSON")
    if kind == "extra_forbidden":
        location, unknown = location[:-1], str(location[-1])
        if _PLAIN_NAME.fullmatch(unknown):
            names = [*_path(location, known), unknown]
            return FieldError(".".join(names), "is an unknown field")
    return FieldError(".".join(_path(location, known)) or str(location[0]), _reason(kind, error))


def _path(location: tuple[str | int, ...], known: frozenset[str]) -> list[str]:
    return [name if name in known else "*" for name in location[1:] if isinstance(name, str)]


def _reason(kind: str, error: dict[str, Any]) -> str:
    if kind.startswith("union_tag"):
        return "is of an unknown kind"
    if kind in {"enum", "literal_error"}:
        return f"must be {error['ctx']['expected']}"
    if kind in _REASONS:
        return _REASONS[kind]
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, WrongValue):
        return str(cause)
    if kind not in _SAFE:
        return "is not valid"
    # The part after the comma may quote the value: "should be a valid UUID, found `x` at 1".
    rule = str(error["msg"]).partition(",")[0]
    rule = _SUBJECT.sub("should", rule).replace(" after validation", "")
    # Pydantic calls a string "Value" after a validator of ours, and counts its "items".
    is_text = error.get("ctx", {}).get("field_type") == "Value"
    return rule.replace("item", "character") if is_text else rule


def _names_of_ours(request: HTTPConnection) -> frozenset[str]:
    """Return the names of the route's own parameters and fields."""
    route = request.scope.get("route")
    query = list(getattr(getattr(route, "dependant", None), "query_params", []))
    body = getattr(route, "body_field", None)
    models = [*query, body] if body else query
    inside = (_names_in(each.field_info.annotation) for each in models)
    return frozenset(each.alias for each in query).union(*inside)


@cache
def _names_in(kind: type) -> frozenset[str]:
    """Return the names of all fields of a model and of its nested models."""
    return frozenset(_property_names(TypeAdapter(kind).json_schema()))


def _property_names(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        schema = list(schema.values())
    if isinstance(schema, list):
        for each in schema:
            yield from _property_names(each)
