"""The bodies of sign-up and of one's own account, with the app's profile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, ClassVar, Self, TypeVar, get_args
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
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
from tokenpair.fastapi.routes.credentials import Credentials, Password
from tokenpair.fastapi.text import Text

# The types of Pydantic's own errors; all others are an app's.
_TYPES = frozenset(get_args(ErrorType))
_Own = TypeVar("_Own", bound=BaseModel)


class UserBase(BaseModel):
    """The fields of every account."""

    id: UUID
    email: str = Field(json_schema_extra={"format": "email"})
    email_verified: bool
    roles: list[str]
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> Self:
        """Return the body for an account."""
        return cls(
            id=user.id,
            email=user.email.typed,
            email_verified=user.email_verified_at is not None,
            roles=sorted(user.roles),
            created_at=user.created_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUpBody:
    """The values of a sign-up; `profile` is as it is stored."""

    email: str
    password: str = field(repr=False)
    profile: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptanceBody:
    """The values of an accepted invitation; `profile` is as it is stored."""

    token: str = field(repr=False)
    password: str = field(repr=False)
    profile: dict[str, Any] = field(repr=False)


class Acceptance(BaseModel):
    """The token of an invitation, and the password of the account to be."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid")

    # Without a length: every invalid token has the same answer.
    token: Annotated[Text, Field(repr=False)]
    password: Password


class _Described(BaseModel):
    """The last base of models that describe a profile's fields together with others.

    It resets the configuration of an app's profile, which is meant for the profile's fields only.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        alias_generator=None,
        field_title_generator=None,
        model_title_generator=None,
        json_schema_extra=None,
        title=None,
    )


class _Changes(BaseModel):
    """The first base of a model with optional fields: a missing one stays unchanged."""

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
    """The first base of a shown account: older accounts may lack a field without a default."""

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
        """Raises `ConfigurationError` for a profile field whose name every account has."""
        ours = {
            *UserBase.model_fields,
            *Credentials.model_fields,
            *Acceptance.model_fields,
        }
        for name, wire in profiles.wire_names.items():
            if clash := ours & {name, wire}:
                raise ConfigurationError(
                    f"a profile field cannot be named {min(clash)!r}, which every account has: "
                    "rename it"
                )
        self._profiles = profiles
        kind = profiles.kind
        self.sign_up: type[BaseModel] = create_model(
            "SignUp",
            __base__=(Credentials, kind, _Described),
            __validators__={"read": _reading(self._read_sign_up)},
        )
        self.acceptance: type[BaseModel] = create_model(
            "InvitationAcceptance",
            __base__=(Acceptance, kind, _Described),
            __validators__={"read": _reading(self._read_acceptance)},
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
        """Return the body for an account, as `user` describes it."""
        profile = self._profiles.read(user.profile)
        return UserBase.of(user).model_dump(mode="json") | self._profiles.by_wire_names(profile)

    def _read_sign_up(self, body: Mapping[str, Any]) -> SignUpBody:
        own, profile = self._read("SignUp", Credentials, body)
        return SignUpBody(email=own.email, password=own.password, profile=profile)

    def _read_acceptance(self, body: Mapping[str, Any]) -> AcceptanceBody:
        own, profile = self._read("InvitationAcceptance", Acceptance, body)
        return AcceptanceBody(token=own.token, password=own.password, profile=profile)

    def _read(
        self, title: str, kind: type[_Own], body: Mapping[str, Any]
    ) -> tuple[_Own, dict[str, Any]]:
        """Read fields of ours and the profile's. Raises all of their errors together."""
        own = {name: value for name, value in body.items() if name in kind.model_fields}
        rest = {name: value for name, value in body.items() if name not in own}
        errors: list[InitErrorDetails] = []
        try:
            ours = kind.model_validate(own)
        except ValidationError as exc:
            errors += _details(exc)
        try:
            profile = self._profiles.stored(self._profiles.sent(rest))
        except ValidationError as exc:
            errors += _details(exc)
        if errors:
            raise ValidationError.from_exception_data(title, errors)
        return ours, profile


def _reading(read: Callable[[Mapping[str, Any]], object]) -> Any:  # noqa: ANN401  Pydantic's own.
    """Return the validator that replaces all others: the model describes, and `read` reads."""

    def validate(
        cls: type,  # noqa: ARG001  Pydantic recognises a class method by it.
        body: object,
        handler: ModelWrapValidatorHandler[BaseModel],
    ) -> object:
        return read(body) if isinstance(body, dict) else handler(body)

    decorate: Any = model_validator(mode="wrap")
    return decorate(validate)


def _details(error: ValidationError) -> list[InitErrorDetails]:
    """Return the parts of an error, to be raised together with those of another error."""
    return [
        InitErrorDetails(
            type=each["type"] if each["type"] in _TYPES else PydanticCustomError("custom", ""),
            loc=each["loc"],
            input=None,
            ctx=each.get("ctx", {}),
        )
        for each in error.errors(include_url=False, include_input=False)
    ]
