"""A small site and its messages for tests of the source fold, in few words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec

from ingest.codecs import default_codecs
from ingest.event import Event
from ingest.record import CLOCK, FEED, HTTP, MQTT, SETTING, STAFF, Folded, Input, RawRecord, Setting
from ingest.source_fold import SourceFold

SITE = "solbakken"
NOON_MS = 1_772_370_000_000
MINUTE_MS = 60_000

ITEMS: tuple[tuple[str, str, dict[str, object]], ...] = (
    ("site", SITE, {"id": SITE, "timezone": "Europe/Oslo"}),
    ("home", "h1", {"id": "h1", "ward": "nord"}),
    ("home", "h2", {"id": "h2", "ward": "nord"}),
    ("resident", "r1", {"id": "r1", "home": "h1", "critical": True, "risks": ["fall", "wander"]}),
    ("resident", "r2", {"id": "r2", "home": "h2"}),
    ("gateway", "gw1", {"id": "gw1", "home": "h1", "address": "vardevakt:gw-1", "interval": "5 min"}),
    ("device", "d1", {"id": "d1", "address": "vardevakt:gw-1/pendant", "role": "pendant", "resident": "r1",
                      "gateway": "gw1"}),
    ("device", "d2", {"id": "d2", "address": "vardevakt:gw-1/mat", "role": "bed", "resident": "r1", "gateway": "gw1",
                      "room": "bedroom", "interval": "1 min"}),
    ("device", "d3", {"id": "d3", "address": "vardevakt:gw-1/neighbour", "role": "pendant", "resident": "r2",
                      "gateway": "gw1"}),
)  # fmt: skip
"""Home h1 with resident r1 and a gateway that also serves the neighbour r2 in h2."""


def setting(kind: str, item: str, value: Mapping[str, object] | None, at_ms: int, version: int = 1) -> RawRecord:
    """A setting as a row of RAW."""
    payload = msgspec.json.encode(Setting(f"{kind}/{item}", version, kind, None if value is None else dict(value)))
    return RawRecord(at_ms, SETTING, payload=payload)


def site(at_ms: int = NOON_MS) -> list[RawRecord]:
    """ITEMS as rows of RAW."""
    return [setting(kind, item, value, at_ms) for kind, item, value in ITEMS]


def press(at_ms: int, device: str = "pendant", **fields: object) -> RawRecord:
    """A press of a pendant."""
    return said(at_ms, device, {"type": "alarm.pressed", "trigger": "pendant"} | fields)


def said(at_ms: int, device: str, body: object, *, leaf: str = "event", **flags: object) -> RawRecord:
    """One message of a device behind gw-1; bytes go as they are."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    # any field by name
    return RawRecord(at_ms, MQTT, f"vardevakt/1/gw-1/{device}/{leaf}", payload, 1, **flags)  # type: ignore[arg-type]


def status(at_ms: int, *, online: bool = True, gateway: str = "gw-1", **flags: object) -> RawRecord:
    """The gateway's own status message."""
    payload = json.dumps({"online": online}).encode()
    # any field by name
    return RawRecord(at_ms, MQTT, f"vardevakt/1/{gateway}/status", payload, 1, **flags)  # type: ignore[arg-type]


def http(at_ms: int, address: str, body: object) -> RawRecord:
    """One event over POST /events."""
    return RawRecord(at_ms, HTTP, f"http:{address}", body if isinstance(body, bytes) else json.dumps(body).encode())


def clock(at_ms: int) -> RawRecord:
    """A record that only moves time."""
    return RawRecord(at_ms, CLOCK)


def feed(at_ms: int, kind: str, **fields: object) -> RawRecord:
    """What receive knows about the feed."""
    return RawRecord(at_ms, FEED, payload=json.dumps({"type": kind} | fields).encode())


def staff(at_ms: int, **fields: object) -> RawRecord:
    """What the desk knows about staff."""
    return RawRecord(at_ms, STAFF, payload=json.dumps(fields).encode())


def rfc3339(at_ms: int) -> str:
    """The time as gateways write it."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat().replace("+00:00", "Z")


class Source:
    """A source fold with rows numbered as RAW would number them."""

    def __init__(self, records: Iterable[RawRecord] = (), fold: SourceFold | None = None) -> None:
        self.fold = fold or SourceFold(SITE, default_codecs())
        self.seq = 0
        for record in records:
            self(record)

    def __call__(self, record: RawRecord) -> Folded:
        self.seq += 1
        return self.fold.apply(msgspec.structs.replace(record, seq=self.seq))

    def event(self, record: RawRecord) -> Event:
        """The one event that a message becomes, derived ones aside."""
        (one,) = [one for one in self(record).inputs if not one.derived]
        assert one.event is not None, "an input of a message carries an event"
        return one.event


def ready() -> Source:
    """A source fold that knows the site."""
    return Source(site())


def events(folded: Folded, *, derived: bool | None = None) -> list[Event]:
    """Events among the inputs."""
    return [one.event for one in folded.inputs if one.event is not None and (derived is None or one.derived == derived)]


def told(folded: Folded) -> list[tuple[str, str, str]]:
    """Derived events as (type, home, reason)."""
    return [(one.type, one.home, str(one.content.get("reason"))) for one in events(folded, derived=True)]


def items_of(folded: Folded) -> list[tuple[int, str]]:
    """Where each item of a message ended: (item, inputs | dead | verdict)."""
    return sorted(
        [(one.item, "input") for one in folded.inputs if not one.derived]
        + [(one.item, "dead") for one in folded.dead_letters]
        + [(one.item, "verdict") for one in folded.verdicts]
    )


def without_seqs(inputs: Iterable[Input]) -> Iterator[Input]:
    """Inputs without the row that brought them, to compare journals with other rows in between."""
    for one in inputs:
        yield msgspec.structs.replace(one, raw_seq=0)
