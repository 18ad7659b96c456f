"""Turn the errors of a database into the library's, with a reason for the log."""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Iterator
from enum import Enum
from types import TracebackType
from typing import Protocol

import sqlalchemy as sa

from tokenpair.errors import ConfigurationError, InvalidInput, TokenPairError, Unavailable
from tokenpair.reasons import reason_of
from tokenpair.shortage import shortage
from tokenpair.stores.sql.timeouts import Timeouts

_log = logging.getLogger(__name__)

_OUTAGES = (OSError, sa.exc.TimeoutError, MemoryError, RuntimeError)


class Fault(Enum):
    """What an error is about."""

    SERVER = "server"
    """The server is unreachable, busy, or changing: the same request may work later."""
    VALUE = "value"
    """A value that cannot be stored: the same request never works."""
    STATEMENT = "statement"
    """A bug, a missing privilege, or a wrong setting."""


class DriverErrors(Protocol):
    """What one database's driver raises: the modules `sqlite.errors` and `postgres.errors`."""

    @property
    def DRIVER_ERRORS(self) -> tuple[type[Exception], ...]:  # noqa: N802  A module's constant.
        """The driver's own errors, which SQLAlchemy 2.0 does not wrap when it connects."""
        ...

    def fault_of(self, error: BaseException, /) -> Fault:
        """Return what an error is about."""
        ...

    def complaint(self, error: BaseException, /) -> str:
        """Return what the database does, as the end of a sentence, and why."""
        ...

    def summary(self, error: BaseException, /) -> str:
        """Return one line without any value that was bound to the statement."""
        ...


class ErrorTranslator:
    """A context manager that raises `Unavailable` for a database that cannot be used now.

    A value that the database refuses becomes `InvalidInput`. Other errors are bugs, and pass.
    """

    def __init__(self, name: str, driver: DriverErrors) -> None:
        """`name` is what to call the database in messages."""
        self._name = name
        self._driver = driver
        self._types: tuple[type[Exception], ...] = (sa.exc.DBAPIError, *driver.DRIVER_ERRORS)

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        _: type[BaseException] | None,
        error: BaseException | None,
        __: TracebackType | None,
    ) -> None:
        if error is None:
            return
        if outage := self._outage(error):
            raise outage from error
        if isinstance(error, self._types) and self._driver.fault_of(error) is Fault.VALUE:
            summary = self._driver.summary(error)
            _log.warning("the database %s refuses a value: %s", self._name, summary)
            raise InvalidInput from None  # Its cause quotes the value.

    @contextlib.contextmanager
    def translated_at_start(self) -> Iterator[None]:
        """Raise `Unavailable` for an outage, and `ConfigurationError` for any other error."""
        # TypeError: an option that SQLite's driver does not know.
        others: tuple[type[Exception], ...] = (*self._types, TypeError)
        expected: tuple[type[Exception], ...] = (*others, *_OUTAGES)
        try:
            yield
        except expected as exc:
            if outage := self._outage(exc):
                raise outage from exc
            if not isinstance(exc, others):
                raise
            reason = self._driver.summary(exc)
            raise ConfigurationError(f"the database {self._name} cannot be used: {reason}") from exc

    @contextlib.asynccontextmanager
    async def translated(self, timeouts: Timeouts) -> AsyncIterator[None]:
        """Translate errors, and raise `Unavailable` if the block takes longer than `timeouts.unit`.

        Nothing else ends the wait for a server that has become unreachable, and its connections
        would stay taken.
        """
        # The inner limit cancels the block once. The rollback may hang, too: hence the outer one.
        outer = asyncio.timeout(timeouts.unit + timeouts.close)
        with self:
            async with outer, asyncio.timeout(timeouts.unit):
                yield

    def _outage(self, error: BaseException) -> TokenPairError | None:
        """Return the error to raise if the database, and not the request, is at fault."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return self._unavailable(
                f"is not trusted: its certificate is invalid: {error.verify_message}"
            )
        if isinstance(error, sa.exc.TimeoutError | OSError):  # Drivers pass on the socket's errors.
            return self._unavailable(f"does not answer: {reason_of(error)}")
        if isinstance(error, self._types) and self._driver.fault_of(error) is Fault.SERVER:
            return self._unavailable(self._driver.complaint(error))
        if isinstance(error, MemoryError | RuntimeError):  # SQLite's driver starts threads.
            return shortage(error)
        return None

    def _unavailable(self, complaint: str) -> Unavailable:
        return Unavailable(f"the database {self._name} {complaint}")
