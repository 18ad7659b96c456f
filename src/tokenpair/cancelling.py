"""Tell the cancellation of a task from an error of the app's code that runs in it."""

import asyncio


def is_cancellation(error: BaseException) -> bool:
    """Tell whether `error` means that the running task is being cancelled.

    Otherwise a `CancelledError` is one like any other error: the app's code has awaited another
    task, which was cancelled.
    """
    if not isinstance(error, asyncio.CancelledError):
        return False
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
