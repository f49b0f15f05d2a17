"""Figures for Prometheus: a registry of its own per application, no personal label, every label from a closed set.

What the service knows about itself is read when somebody asks (`_State.collect`), so that a figure is never older than
the scrape; only requests are counted as they pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from api.live import LiveHub
    from api.services import Services

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
COUNTERS_MAX = 100

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
        yield from self._runners()
        yield from self._feed()
        yield from self._desk()
        yield from self._watch()
        yield _gauge("vardevakt_live_streams", "Open live streams.", self._hub.clients)
        yield _counter("vardevakt_live_resumed", "Streams that resumed at a Last-Event-ID.", self._hub.resumed_total)
        for name, value in list(self._services.counters().items())[:COUNTERS_MAX]:
            yield _counter(f"vardevakt_{name.removesuffix('_total')}", "Counted since start.", value)

    def _runners(self) -> Iterable[Metric]:
        services = self._services
        runners = {"source": services.source_runner, "home": services.home_runner, "floor": services.floor_runner}
        position = GaugeMetricFamily("vardevakt_fold_position", "Log row it has written up to.", labels=("fold",))
        lag = GaugeMetricFamily("vardevakt_fold_lag_rows", "Log rows still unread.", labels=("fold",))
        age = GaugeMetricFamily("vardevakt_fold_oldest_seconds", "Age of its oldest unread row.", labels=("fold",))
        healthy = GaugeMetricFamily("vardevakt_fold_healthy", "1 when its loop works.", labels=("fold",))
        quarantined = GaugeMetricFamily("vardevakt_fold_quarantined", "Set aside after a fault.", labels=("fold",))
        for name, runner in runners.items():
            position.add_metric((name,), runner.position)
            lag.add_metric((name,), runner.lag)
            age.add_metric((name,), runner.oldest_age_ms / 1000)
            healthy.add_metric((name,), int(runner.healthy))
            quarantined.add_metric((name,), len(runner.quarantined))
        return position, lag, age, healthy, quarantined

    def _feed(self) -> Iterable[Metric]:
        feed = self._services.feed
        state = GaugeMetricFamily("vardevakt_feed_state", "1 for the state the feed is in.", labels=("state",))
        for name in ("live", "late", "blind"):
            state.add_metric((name,), int(feed.state == name))
        yield state
        yield _gauge("vardevakt_feed_connected", "1 when connected to the broker.", int(feed.connected))
        now_ms = self._services.clock()
        self._asked_ms = now_ms if self._asked_ms is None else self._asked_ms
        # where none ever came it counts from the first question: a feed that never came up grows old too
        since_ms = self._asked_ms if feed.last_canary_ms is None else feed.last_canary_ms
        age_s = max(now_ms - since_ms, 0) / 1000
        yield _gauge("vardevakt_feed_canary_age_seconds", "Since our canary last came round the broker.", age_s)

    def _desk(self) -> Iterable[Metric]:
        counts = {name: value for name, value in self._desk_counts().items() if isinstance(value, int | float)}
        desk = GaugeMetricFamily("vardevakt_desk", "Counts of the desk, by what is counted.", labels=("count",))
        for name, value in sorted(counts.items())[:COUNTERS_MAX]:
            desk.add_metric((name,), value)
        yield desk

    def _watch(self) -> Iterable[Metric]:
        watch = self._services.watch
        if watch is None:
            return
        audit, now_ms = watch.audit(), self._services.clock()
        since_ms = max(audit.done_ms, watch.auditor.begun_ms)
        yield _gauge("vardevakt_audit_age_seconds", "Since a check last ended.", max(now_ms - since_ms, 0) / 1000)
        yield _gauge("vardevakt_audit_leads", "1 when this process checks.", int(audit.leads))
        found = CounterMetricFamily("vardevakt_audit_findings", "Findings by this process.", labels=("kind",))
        for kind, count in sorted(watch.auditor.reconciler.counts.items()):
            found.add_metric((kind,), count)
        yield found
        pulse = watch.pulse()
        if pulse is not None:
            yield _gauge("vardevakt_heartbeat_failures", "Calls outside not taken, in a row.", pulse.failures)


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _counter(name: str, words: str, value: float) -> Metric:
    return CounterMetricFamily(name, words, value=value)
