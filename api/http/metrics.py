"""Figures for Prometheus: a registry of its own per application, no personal label, every label from a closed set.

What the service knows about itself is read when somebody asks (`_State.collect`), so that a figure is never older than
the scrape; only requests are counted as they pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from alerts.database import AWAY
from api import figures

if TYPE_CHECKING:
    from api.http.live import LiveHub
    from api.http.services import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

DeskCounts = Callable[[], Mapping[str, object]]


class Metrics:
    """One application's registry."""

    def __init__(self, services: Services, hub: LiveHub, desk_counts: DeskCounts) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._requests = Counter(
            "vardevakt_http_requests_total", "Finished requests.", ("method", "route", "status"), registry=self.registry
        )
        self._seconds = Histogram(
            "vardevakt_http_request_seconds", "Time to the end of the answer, live streams left out.", ("route",),
            buckets=BUCKETS, registry=self.registry,
        )  # fmt: skip
        self.registry.register(_State(services, hub, desk_counts))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one. `route` is a template, so the labels are as many as the routes."""
        self._requests.labels(method, route, f"{status // 100}xx" if status else "cut").inc()
        if not route.endswith("/live"):
            self._seconds.labels(route).observe(seconds)

    def text(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self.registry)


class _State(Collector):
    def __init__(self, services: Services, hub: LiveHub, desk_counts: DeskCounts) -> None:
        self._services = services
        self._asked_ms: int | None = None  # when the figures were asked for the first time
        self._hub = hub
        self._desk_counts = desk_counts

    def collect(self) -> Iterator[Metric]:
        services, now_ms = self._services, self._services.clock()
        self._asked_ms = now_ms if self._asked_ms is None else self._asked_ms
        yield from figures.folds(
            {"source": services.source_runner, "home": services.home_runner, "floor": services.floor_runner}
        )
        if services.series_status is not None:
            yield from figures.series(services.series_status)
        yield from figures.feed(services.feed, now_ms, self._asked_ms)
        with contextlib.suppress(*AWAY):  # the rest is told all the same: this process lives
            yield from figures.desk(self._desk_counts())
        if services.watch is not None:
            yield from figures.checks(services.watch, now_ms)
        yield figures.gauge("vardevakt_live_streams", "Open live streams.", self._hub.clients)
        resumed = "Streams that resumed at a Last-Event-ID."
        yield CounterMetricFamily("vardevakt_live_resumed", resumed, value=self._hub.resumed_total)
        yield from figures.counters(services.counters())
        for role in services.roles:
            yield from role.figures()
