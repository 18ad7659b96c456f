"""Tell the cancellation of a task from an error of the app's code that runs in it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class TaskCancelledError(Exception):
    """The app's code has awaited a task of its own, which was cancelled."""


@asynccontextmanager
async def cancelled_tasks_as_errors() -> AsyncIterator[None]:
    """Raise `TaskCancelledError` for a `CancelledError` of the block that does not cancel its task.

    It is an error of the app's code like any other, with the traceback of the `CancelledError`. If
    the running task is being cancelled, the `CancelledError` passes.
    """
    try:
        yield
    except asyncio.CancelledError as exc:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise TaskCancelledError(*exc.args).with_traceback(exc.__traceback__) from None
