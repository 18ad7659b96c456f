"""The loops that an open `Auth` runs beside the requests."""

from collections.abc import Awaitable, Callable

from tokenpair.background import Background, BackgroundTask
from tokenpair.flows.sessions.prune import PRUNE_SECONDS
from tokenpair.keys import KEY_SECONDS
from tokenpair.mail.loop import MAIL_SECONDS
from tokenpair.pace import BEAT_SECONDS
from tokenpair.parts import Parts

Run = Callable[[], Awaitable[object]]


def loops(parts: Parts, reload_keys: Run, prune: Run) -> Background:
    """Return the loops of an `Auth`, not started."""
    beat, mail = parts.heartbeat.beat, parts.mailer.look
    return Background(
        BackgroundTask(name="new keys", run=reload_keys, seconds=KEY_SECONDS),
        BackgroundTask(name="pruning", run=prune, seconds=PRUNE_SECONDS),
        BackgroundTask(name="heartbeat", run=beat, seconds=BEAT_SECONDS),
        BackgroundTask(name="mail", run=mail, seconds=MAIL_SECONDS, alarm=parts.mail_alarm),
    )
