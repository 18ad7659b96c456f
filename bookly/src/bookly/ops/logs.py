"""Logging: readable text in development, one JSON object a line in production."""

import asyncio
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.stdlib import ProcessorFormatter
from structlog.typing import Processor

_PRINTED_MAILS = "tokenpair.mail.console"
"""The logger that prints mails in development."""


def configure(*, production: bool) -> None:
    """Send all logs, of the standard library and of structlog, to the standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=_COMMON,
            processors=[
                ProcessorFormatter.remove_processors_meta,
                *(_JSON if production else _readable()),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.INFO, force=True)
    for name in ("alembic", "sqlalchemy"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # In development Bookly prints its address itself, and in production the proxy logs requests.
    logging.getLogger("uvicorn.error").setLevel(logging.INFO if production else logging.WARNING)
    logging.getLogger("uvicorn.access").setLevel(logging.WARNING if production else logging.INFO)
    logging.getLogger("uvicorn.access").addFilter(_without_query)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cut_off_request)
    structlog.configure(
        processors=[*_COMMON, ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


def _without_query(record: logging.LogRecord) -> bool:
    """Remove the query: a client may have put a token there, although Bookly ignores it."""
    match record.args:
        case (client, method, str(path), *rest):
            record.args = (client, method, path.partition("?")[0], *rest)
    return True


def _is_no_cut_off_request(record: logging.LogRecord) -> bool:
    """Leave out requests that were cancelled because the server stopped: they are no crash."""
    kind = record.exc_info[0] if isinstance(record.exc_info, tuple) else None
    return kind is None or not issubclass(kind, asyncio.CancelledError)


def _on_one_line(_: object, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Escape control characters, which could forge a line or control the terminal.

    Mails that are printed in development keep their lines: a link stands on one of its own.
    """
    kept = "\n" if event.get("logger") == _PRINTED_MAILS else ""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = "".join(
                each
                if each.isprintable() or each in kept
                else each.encode("unicode_escape").decode()
                for each in value
            )
    return event


def _drop_uvicorns_copy(
    _: object, __: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    # It repeats the message with codes for colours.
    event.pop("color_message", None)
    return event


_COMMON: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    _drop_uvicorns_copy,
    _on_one_line,
]
_JSON: list[Processor] = [
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
]


def _readable() -> list[Processor]:
    # The default formatter of exceptions shows local variables, and so secrets.
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
        )
    ]
