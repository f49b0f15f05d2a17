"""What every route gets: one frozen container, filled by the composition root (`api/wiring.py`) and by tests.

Only the container and the narrow ports that the HTTP face needs from running parts live here; no behaviour.
Function modules of the desk (`alerts.reads.queries`, `alerts.reads.people`, `alerts.access.access_log` …) are imported
by the routes themselves and called with `services.database`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ingest.clock import Clock
from ingest.journal import InputLog, RawLog
from ingest.record import RawRecord
from ingest.series import Series

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from alerts.access.accounts import Accounts
    from alerts.database import Database
    from alerts.desk import Desk
    from alerts.messages.doors import Doors
    from alerts.site.settings_store import SettingsStore
    from api.http.live import Wakeup
    from api.routes.health import Reason
    from api.running.watch import Watch


class Receiver(Protocol):
    """Receive (ingest/receive.py), seen from HTTP: stamps the time of arrival and has the rows synced to RAW."""

    def submit_many(self, records: Sequence[RawRecord]) -> Future[int]:
        """Up to 1,000 records get seqs without others between; the future gives the last one's seq once all are
        synced, or raises JournalError. May block while the journal pushes back.
        """
        ...


class RunnerStatus(Protocol):
    """One fold's loop, as health and metrics see it. All of it callable from any thread and cheap."""

    @property
    def position(self) -> int:
        """Row of the log it reads up to which it has written its results."""
        ...

    @property
    def lag(self) -> int:
        """Rows of that log it has yet to read."""
        ...

    @property
    def oldest_age_ms(self) -> int:
        """How long its oldest unread row has waited; 0 when there is none."""
        ...

    @property
    def still_ms(self) -> int:
        """Since it last took a step, or found nothing to do. A fold that works through a backlog moves."""
        ...

    @property
    def healthy(self) -> bool:
        """False when its thread is gone, fenced, or cannot write."""
        ...

    @property
    def quarantined(self) -> Sequence[Mapping[str, str]]:
        """What it has set aside after a fault: {"rule", "subject"} or {"address"}, pseudonyms only."""
        ...


class FeedStatus(Protocol):
    """Whether the service hears its broker, told by the canary and never by an open socket."""

    @property
    def connected(self) -> bool: ...

    @property
    def last_canary_ms(self) -> int | None:
        """When our own canary last came round the broker; None before the first."""
        ...

    @property
    def state(self) -> Literal["live", "late", "blind"]: ...

    @property
    def gap_since_ms(self) -> int | None:
        """Since when nothing is heard; None while live."""
        ...


class SeriesStatus(Protocol):
    """How far the curves have come. Nothing that decides waits for them."""

    @property
    def position(self) -> int: ...

    @property
    def lag(self) -> int:
        """Rows of INPUTS that are not in them yet."""
        ...

    @property
    def healthy(self) -> bool:
        """False while their store cannot be written."""
        ...


class RuleBookReader(Protocol):
    """The rule book in force, JSON-ready (api.running.rule_book.shown_rule)."""

    def rules(self) -> list[dict[str, Any]]: ...

    def rule(self, rule_id: str) -> dict[str, Any] | None: ...


class ProcessRole(Protocol):
    """What one process of many machines is there for (api/cluster/): judged by its own parts only."""

    def live(self) -> Iterable[Reason]:
        """Why this process should be started again; never because of what is away elsewhere."""
        ...

    def ready(self) -> Iterable[Reason]:
        """Why it is of no use now, or less."""
        ...

    def figures(self) -> Iterable[Metric]:
        """For /metrics; no two roles have the same names, nor those of the whole service."""
        ...


class DemoWard(Protocol):
    """The simulated ward; the pages ask it for more (api/board/pages_demo.py)."""

    def close(self) -> None:
        """Everybody falls silent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class WebOptions:
    """The part of the settings that the HTTP face needs. Times in the unit of the name."""

    secure_cookies: bool = False  # True wherever TLS stands in front; a Secure cookie never comes back over http
    session_hours: int = 12
    default_language: Literal["nb", "en"] = "nb"
    live_clients_max: int = 500
    beat_ms: int = 2_000  # board.md: no beat for 5 s = the page is blind
    event_ids_wait_ms: int = 5_000  # POST /events waits this long for the source fold to name its events
    docs: bool = True  # GET /api/v1/openapi.json


def _no_counters() -> dict[str, int]:
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything a request may need. `clock` gives integer milliseconds UTC, the same clock receive stamps with;
    `system_clock` is that clock itself, for those who must say whether the machine's time is to be believed.
    """

    site_id: str
    data: Path | None = None  # the folder of this process' logs and bases; None on many machines
    clock: Callable[[], int]
    system_clock: Clock
    database: Database
    desk: Desk
    settings_store: SettingsStore
    accounts: Accounts
    raw_log: RawLog
    input_log: InputLog
    series: Series
    series_status: SeriesStatus | None = None  # who follows INPUTS into it in this process; None: another does
    receiver: Receiver
    folded: Callable[[int, float], bool]  # (raw seq, timeout s): wait until the source fold has written that row
    source_runner: RunnerStatus
    home_runner: RunnerStatus
    floor_runner: RunnerStatus
    feed: FeedStatus
    rule_book: RuleBookReader
    heard: Callable[[], Mapping[str, int]]  # address -> when it was last heard, ms (ingest/series.py)
    changed: Wakeup  # notify() after each desk commit and each feed change; callable from any thread
    web: WebOptions = field(default_factory=WebOptions)
    channels: tuple[str, ...] = ()  # names of the configured ways out, in order of preference
    watch: Watch | None = None  # who checks the service itself; None: nobody does
    doors: Doors | None = None  # what the outside may say about messages; None: nothing
    # further whole numbers for /metrics, a bounded set of names: {"mqtt_qos0_dropped_total": 0, …}
    counters: Callable[[], Mapping[str, int]] = _no_counters
    local_token: str = (
        ""  # what the command line on this machine shows (api/http/local_access.py); "" = it may not come
    )
    roles: Sequence[ProcessRole] = ()  # of a process on many machines; embedded there are none
    demo: DemoWard | None = None  # the simulated ward behind "Try it"; None outside the demo
