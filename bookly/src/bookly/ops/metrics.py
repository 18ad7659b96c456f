"""Prometheus metrics: the library's counts and the durations of requests, of all workers together.

The library counts in plain numbers. Once a second, and at each scrape, the increases are passed to
prometheus-client. Several workers each keep their numbers in files, and the worker that is scraped
adds them up: prometheus-client's multiprocess mode.
"""

import asyncio
import contextlib
import functools
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from enum import Enum
from typing import TypeVar

from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

from bookly.ops.workers import IS_SHARED, AllWorkers, require_folder, reserve_space
from tokenpair import Auth
from tokenpair.fastapi import ProblemRoute

SECONDS = 1.0
"""Interval between updates, in seconds: the greatest age of another worker's numbers."""

REQUEST_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LAG_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)

_Name = TypeVar("_Name", bound=Enum)
_OPEN_METRICS = "application/openmetrics-text"

# The time at which a series began is not used here, and doubles the number of series.
disable_created_metrics()


class Metrics:
    """The metrics of one app. Labels come from small fixed sets, never from a request."""

    def __init__(self, auth: Auth) -> None:
        """Raises `ConfigurationError` if the workers' folder cannot be used."""
        if IS_SHARED:
            require_folder()
        self._auth = auth
        self._registry = registry = CollectorRegistry()
        self._passed_on: dict[tuple[Counter, str], int] = defaultdict(int)
        self._heard = 0
        self.requests = Histogram(
            "bookly_http_request_duration_seconds",
            "How long requests took, until the answer was sent.",
            ["method", "route", "status"],
            buckets=REQUEST_BUCKETS,
            registry=registry,
        )

        def counter(name: str, text: str, label: str) -> Counter:
            return Counter(f"tokenpair_{name}", text, [label], registry=registry)

        self._log_ins = counter("log_ins", "Log-ins, by how they ended.", "outcome")
        self._renewals = counter("renewals", "Renewals, by verdict.", "verdict")
        self._sessions_ended = counter(
            "sessions_ended", "Sessions that were ended, by reason.", "reason"
        )
        self._limits_reached = counter(
            "limits_reached", "Attempts that a limit refused, and mails that it left out.", "limit"
        )
        self._mails = counter("mails", "Attempts to send a mail.", "outcome")
        self._lookups = counter(
            "token_cache_lookups",
            "Look-ups of access tokens among those that are verified.",
            "result",
        )
        self._passwords = Gauge(
            "tokenpair_password_hashes",
            "Passwords that are being hashed, and that wait for it.",
            ["state"],
            multiprocess_mode="livesum",
            registry=registry,
        )

    # prometheus-client opens the file of a metric without labels when the metric is made. So these
    # are made by the first update, after the start: a worker that cannot start leaves no files.

    @functools.cached_property
    def _lag(self) -> Histogram:
        return Histogram(
            "tokenpair_revocation_lag_seconds",
            "How long after it was recorded a worker knew what another had revoked.",
            buckets=LAG_BUCKETS,
            registry=self._registry,
        )

    @functools.cached_property
    def _revocations(self) -> Gauge:
        return Gauge(
            "tokenpair_revocations",
            "Revocations in force, in a worker's copy.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )

    @functools.cached_property
    def _staleness(self) -> Gauge:
        return Gauge(
            "tokenpair_feed_staleness_seconds",
            "How long ago the revocations were read, by the worker that is furthest behind.",
            multiprocess_mode="livemax",
            registry=self._registry,
        )

    @contextlib.asynccontextmanager
    async def followed(self, _: object) -> AsyncIterator[None]:
        """Update the metrics during the lifespan, and once more at its end.

        Raises `ConfigurationError` if the workers' folder has no space.
        """
        if IS_SHARED:
            reserve_space()
        task = asyncio.create_task(self._follow(), name="bookly: metrics")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            self.update()

    async def _follow(self) -> None:
        while True:
            self.update()
            await asyncio.sleep(SECONDS)

    def update(self) -> None:
        """Add what the library has counted since the last update."""
        counts = self._auth.counts
        self._add(self._log_ins, _by_name(counts.log_ins))
        self._add(self._renewals, _by_name(counts.renewals))
        self._add(self._sessions_ended, _by_name(counts.sessions_ended))
        self._add(self._mails, _by_name(counts.mails))
        self._add(self._limits_reached, _by_name(counts.limits_reached))
        self._add(self._lookups, {"hit": counts.cache_hits, "miss": counts.cache_misses})
        # If more arrived in one second than are kept, the latest represent all of them.
        news, self._heard = counts.revocations_heard - self._heard, counts.revocations_heard
        histogram = self._lag  # It must be there, though there is no news.
        for lag in counts.lags[-news:] if news else ():
            histogram.observe(max(lag, 0))
        self._revocations.set(counts.revocations)
        self._staleness.set(counts.staleness)
        self._passwords.labels("running").set(counts.hashing)
        self._passwords.labels("waiting").set(counts.hashing_waiting)

    def _add(self, counter: Counter, totals: Mapping[str, int]) -> None:
        for label, total in totals.items():
            counter.labels(label).inc(total - self._passed_on[counter, label])
            self._passed_on[counter, label] = total

    def expose(self, accept: str) -> tuple[bytes, str]:
        """Return all workers' numbers and their media type; `accept` is the request's header."""
        # Not the header itself: prometheus-client fails on invalid versions, or repeats them.
        kinds = {each.partition(";")[0].strip().lower() for each in accept.split(",")}
        encode, media_type = choose_encoder(_OPEN_METRICS if _OPEN_METRICS in kinds else "")
        return encode(AllWorkers() if IS_SHARED else self._registry), media_type


def add_metrics(app: FastAPI, auth: Auth) -> None:
    """Add the endpoint to an app, after everything else: what it counts must be open longer.

    Raises `ConfigurationError`.
    """
    metrics = app.state.metrics = Metrics(auth)
    router = APIRouter(route_class=ProblemRoute, include_in_schema=False, lifespan=metrics.followed)

    @router.api_route("/metrics", methods=["GET", "HEAD"])
    async def expose(request: Request) -> Response:
        """Return the numbers of all workers to Prometheus."""
        metrics.update()
        # In a thread: many workers have many files to read.
        accept = request.headers.get("accept", "")
        content, media_type = await asyncio.to_thread(metrics.expose, accept)
        return Response(content, media_type=media_type)

    app.include_router(router)


def _by_name(totals: Mapping[_Name, int]) -> dict[str, int]:
    return {str(each.value): total for each, total in totals.items()}
