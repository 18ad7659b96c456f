"""The bodies that depend on the app's profile: of sign-up, and of one's own account."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, get_args

from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    create_model,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from tokenpair.core.accounts.user import User
from tokenpair.errors import ConfigurationError
from tokenpair.fastapi.profile import Profile, Profiles
from tokenpair.fastapi.routes.session_schemas import Credentials, UserBase

# What Pydantic can raise again; any other is an app's own.
_TYPES = frozenset(get_args(ErrorType))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpBody:
    """What a client signs up with; `profile` is fit to be stored."""

    email: str
    password: str = field(repr=False)
    profile: dict[str, Any] = field(repr=False)


class _Described(BaseModel):
    """A last base for models that only describe a profile's fields beside others.

    The configuration of an app's profile is about the profile's own fields.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=None,
        field_title_generator=None,
        model_title_generator=None,
        json_schema_extra=None,
        title=None,
    )


class _Changes(BaseModel):
    """A first base for a model of which any field may be left out, and then stays as it is."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        described = handler.resolve_ref_schema(schema)
        described.pop("required", None)
        for each in described.get("properties", {}).values():
            each.pop("default", None)
        return schema


class _Shown(UserBase):
    """A first base for what is shown: a field without a default is missing in older accounts."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /
    ) -> JsonSchemaValue:
        schema = super().__get_pydantic_json_schema__(core_schema, handler)
        described = handler.resolve_ref_schema(schema)
        fields = {each.serialization_alias or name: each for name, each in cls.model_fields.items()}
        described["properties"] = {
            name: {key: value for key, value in each.items() if key != "default"}
            for name, each in described["properties"].items()
            if name in fields  # Computed fields are not shown.
        }
        described["required"] = [
            name
            for name, each in fields.items()
            if name in UserBase.model_fields or not each.is_required()
        ]
        return schema


class AccountSchemas:
    """The bodies for one profile class."""

    def __init__(self, profiles: Profiles[Profile]) -> None:
        """Raises `ConfigurationError` for a profile field with a name that is ours."""
        ours = {*UserBase.model_fields, *Credentials.model_fields}
        for name, wire in profiles.wire_names.items():
            if clash := ours & {name, wire}:
                raise ConfigurationError(f"a profile field cannot be named {min(clash)!r}")
        self._profiles = profiles
        kind = profiles.kind
        self.sign_up: type[BaseModel] = create_model(
            "SignUp",
            __base__=(Credentials, kind, _Described),
            __validators__={"read": _reading(self._read_sign_up)},
        )
        self.changes: type[BaseModel] = create_model(
            "ProfileChanges",
            __base__=(_Changes, kind, _Described),
            __validators__={"read": _reading(profiles.sent)},
        )
        self.user: type[BaseModel] = create_model("UserInfo", __base__=(_Shown, kind, _Described))

    def merge(self, stored: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change a stored profile. Raises `RequestValidationError` as for the body itself."""
        try:
            return self._profiles.changed(stored, changes)
        except ValidationError as exc:
            errors = exc.errors(include_url=False, include_input=False)
            located = [{**error, "loc": ("body", *error["loc"])} for error in errors]
            raise RequestValidationError(located) from None

    def show(self, user: User) -> dict[str, Any]:
        """Write an account down, as `user` describes it."""
        profile = self._profiles.read(user.profile)
        return UserBase.of(user).model_dump(mode="json") | self._profiles.by_wire_names(profile)

    def _read_sign_up(self, body: Mapping[str, Any]) -> SignUpBody:
        own = {name: value for name, value in body.items() if name in Credentials.model_fields}
        rest = {name: value for name, value in body.items() if name not in own}
        errors: list[InitErrorDetails] = []
        try:
            credentials = Credentials.model_validate(own)
        except ValidationError as exc:
            errors += _details(exc)
        try:
            profile = self._profiles.stored(self._profiles.sent(rest))
        except ValidationError as exc:
            errors += _details(exc)
        if errors:
            raise ValidationError.from_exception_data("SignUp", errors)
        return SignUpBody(email=credentials.email, password=credentials.password, profile=profile)


def _reading(read: Callable[[Mapping[str, Any]], object]) -> Any:  # noqa: ANN401  Pydantic's own.
    """Make the validator that replaces all others: the model only describes what `read` reads."""

    def validate(
        cls: type,  # noqa: ARG001  Pydantic knows a class method by this name.
        body: object,
        handler: ModelWrapValidatorHandler[BaseModel],
    ) -> object:
        return read(body) if isinstance(body, dict) else handler(body)

    decorate: Any = model_validator(mode="wrap")
    return decorate(validate)


def _details(error: ValidationError) -> list[InitErrorDetails]:
    """Return an error's parts, to be raised together with those of another."""
    return [
        InitErrorDetails(
            type=each["type"] if each["type"] in _TYPES else PydanticCustomError("custom", ""),
            loc=each["loc"],
            input=None,
            ctx=each.get("ctx", {}),
        )
        for each in error.errors(include_url=False, include_input=False)
    ]
