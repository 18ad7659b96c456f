"""Check a new password, and hash it: one step of every flow that sets a password."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tokenpair.core.accounts.email import EmailAddress
from tokenpair.core.accounts.own_words import own_words
from tokenpair.core.accounts.password_policy import PasswordPolicy, normalise_password
from tokenpair.errors import FieldError, InvalidInput, Unavailable
from tokenpair.options import BreachOptions
from tokenpair.ports import BreachCheck, PasswordHasher

_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class NewPassword:
    """Check a new password against the policy and the breach check, and return its hash.

    It takes up to some seconds: call it outside of a unit of work.
    """

    passwords: PasswordHasher
    policy: PasswordPolicy
    breaches: BreachOptions

    async def __call__(
        self,
        password: str,
        *,
        address: EmailAddress,
        profile: Mapping[str, Any] | None = None,
        field: str = "password",
    ) -> str:
        """Return the hash of a valid password.

        The words of the user's address and profile are easy to guess. Raises `InvalidInput` for
        `field`, and `Unavailable`.
        """
        words = own_words(address, profile or {})
        await self.passwords.in_turn(
            lambda: self.policy.require_valid(password, words=words, field=field)
        )
        check = self.breaches.check
        if check and await self._is_breached(check, normalise_password(password)):
            raise InvalidInput(FieldError(field, "is known from a data breach; choose another"))
        return await self.passwords.hash(password)

    async def _is_breached(self, check: BreachCheck, password: str) -> bool:
        # A task, and not `asyncio.timeout`: a check that ignores its cancellation holds no request,
        # and a check may fail with an error of any library. The call is in the task, too: it may
        # raise before there is anything to await.
        task = asyncio.create_task(_ask(check, password))
        try:
            await asyncio.wait({task}, timeout=self.breaches.timeout.total_seconds())
            problem = _problem_of(task) if task.done() else "took too long"
            return self._without_result(problem) if problem else task.result()
        finally:
            task.add_done_callback(_retrieve_error)
            task.cancel()

    def _without_result(self, problem: str) -> bool:
        _log.warning("the breach check %s", problem)
        if self.breaches.required:
            raise Unavailable(f"the breach check {problem}")
        return False


async def _ask(check: BreachCheck, password: str) -> bool:
    return await check.is_breached(password)


def _problem_of(task: asyncio.Task[bool]) -> str | None:
    """Return why a check that has ended has no result. An error's text may quote the password.

    A check that awaits a cancelled task is cancelled, too: that is a failure of the check.
    """
    if task.cancelled():
        return "was cancelled"
    error = task.exception()
    return None if error is None else f"failed with {type(error).__name__}"


def _retrieve_error(task: asyncio.Future[bool]) -> None:
    """Mark the task's error as seen, or asyncio logs it with its text."""
    if not task.cancelled():
        task.exception()
