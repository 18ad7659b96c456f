"""What a hook and its event must be, and what to call them."""

from tokenpair.core.events import Event
from tokenpair.errors import ConfigurationError


def require_event(kind: object) -> None:
    """Require a class of events. Raises `ConfigurationError`."""
    if not (isinstance(kind, type) and issubclass(kind, Event)):
        raise ConfigurationError(
            f"{name_of(kind)} is not an event: choose a class of tokenpair.events"
        )


def name_of(thing: object) -> str:
    """Return what to call a hook or a class in messages."""
    return str(getattr(thing, "__name__", None) or type(thing).__name__)


def names_of(base: type) -> str:
    """Return the names of all subclasses."""
    # A set: a dataclass with slots is a copy of a class that may still be there.
    kinds: set[type] = set(base.__subclasses__())
    for each in tuple(kinds):
        kinds.update(each.__subclasses__())
    return ", ".join(sorted({each.__name__ for each in kinds}))
