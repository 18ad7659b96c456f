"""Tell the cancellation of a task from an error of the app's code that runs in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TaskCancelledError(Exception):
    """The app's code has awaited a task of its own, which was cancelled."""


def kind_of(error: BaseException) -> str:
    """Return the name of an error's class for the log: of the error that the app's code raised."""
    return "CancelledError" if isinstance(error, TaskCancelledError) else type(error).__name__


@asynccontextmanager
async def cancelled_tasks_as_errors() -> AsyncIterator[None]:
    """Turn a `CancelledError` of the block into a `TaskCancelledError`, with the same traceback.

    Then it is an error of the app's code like any other. If the running task is being cancelled,
    the `CancelledError` passes.
    """
    try:
        yield
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise TaskCancelledError(*exc.args).with_traceback(exc.__traceback__) from None
