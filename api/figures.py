"""The figures of parts as Prometheus families, one function a part, for every process that has it. Labels are of closed
sets only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

if TYPE_CHECKING:
    from api.http.services import FeedStatus, RunnerStatus, SeriesStatus
    from api.running.watch import Watch

COUNTERS_MAX = 100


def folds(runners: Mapping[str, RunnerStatus]) -> Iterator[Metric]:
    """By fold: source, home, floor."""
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
    yield from (position, lag, age, healthy, quarantined)


def series(status: SeriesStatus) -> Iterator[Metric]:
    yield gauge("vardevakt_series_position", "Row of INPUTS that the curves have come to.", status.position)
    yield gauge("vardevakt_series_lag_rows", "Rows of INPUTS that are not in the curves yet.", status.lag)
    yield gauge("vardevakt_series_healthy", "1 while curves can be stored.", int(status.healthy))


def feed(status: FeedStatus, now_ms: int, since_ms: int) -> Iterator[Metric]:
    """`since_ms`: from when the canary's age counts where none ever came, so that a feed that never came up grows old
    too.
    """
    state = GaugeMetricFamily("vardevakt_feed_state", "1 for the state the feed is in.", labels=("state",))
    for name in ("live", "late", "blind"):
        state.add_metric((name,), int(status.state == name))
    yield state
    yield gauge("vardevakt_feed_connected", "1 when connected to the broker.", int(status.connected))
    heard_ms = since_ms if status.last_canary_ms is None else status.last_canary_ms
    age_s = max(now_ms - heard_ms, 0) / 1000
    yield gauge("vardevakt_feed_canary_age_seconds", "Since our canary last came round the broker.", age_s)


def desk(counted: Mapping[str, object]) -> Iterator[Metric]:
    counts = {name: value for name, value in counted.items() if isinstance(value, int | float)}
    found = GaugeMetricFamily("vardevakt_desk", "Counts of the desk, by what is counted.", labels=("count",))
    for name, value in sorted(counts.items())[:COUNTERS_MAX]:
        found.add_metric((name,), value)
    yield found


def checks(watch: Watch, now_ms: int) -> Iterator[Metric]:
    audit = watch.audit()
    since_ms = max(audit.done_ms, watch.auditor.begun_ms)
    yield gauge("vardevakt_audit_age_seconds", "Since a check last ended.", max(now_ms - since_ms, 0) / 1000)
    yield gauge("vardevakt_audit_leads", "1 when this process checks.", int(audit.leads))
    found = CounterMetricFamily("vardevakt_audit_findings", "Findings by this process.", labels=("kind",))
    for kind, count in sorted(watch.auditor.reconciler.counts.items()):
        found.add_metric((kind,), count)
    yield found
    pulse = watch.pulse()
    if pulse is not None:
        yield gauge("vardevakt_heartbeat_failures", "Calls outside not taken, in a row.", pulse.failures)


def counters(counts: Mapping[str, float]) -> Iterator[Metric]:
    """Counted since the start of this process; the names a bounded set."""
    for name, value in list(counts.items())[:COUNTERS_MAX]:
        yield CounterMetricFamily(f"vardevakt_{name.removesuffix('_total')}", "Counted since start.", value=value)


def gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)
