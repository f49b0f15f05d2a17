"""The rows of the two logs: RAW (everything that came in) and INPUTS (what the home fold reads).

RAW carries, in one order, all that the folds ever see: messages as they were on the wire, `clock` records
that only move time, our own settings, acts of staff, and what the receiver knows about the feed. Its
`received_at_ms` never goes back. So a copy of RAW is enough to do everything again, byte for byte.
"""

from __future__ import annotations

import msgspec

from ingest.event import Event

SCHEMA = 1  # version of the rows below; readers keep reading every older one

# RawRecord.kind
MQTT = "mqtt"
HTTP = "http"  # POST /events: `topic` is "http:" + the address, payload the object
CLOCK = "clock"  # moves time, names nothing
SETTING = "setting"  # a Setting (below) as JSON: registry, plan, pause, measure, book, test session
STAFF = "staff"  # {"type": "staff.arrived"|"staff.left", "home":…, "actor":…, "alert_id":…}: what the desk knows;
# also "dose.taken"|"dose.skipped" with "resident", "dose_id", "assisted": what staff did about a dose by hand
FEED = "feed"  # {"type": "feed.lost"|"feed.gap"|"feed.settled"|"clock.stepped"|"intake.shed", "from_ms":…, "to_ms":…}


class RawRecord(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One row of RAW. `seq` is its position (1, 2, 3 … without holes), 0 before it is written."""

    received_at_ms: int
    kind: str = MQTT
    topic: str = ""
    payload: bytes = b""
    qos: int = 0
    retain: bool = False
    dup: bool = False  # set by receive: same topic and bytes as a row not yet acknowledged when the link broke
    link: str = ""  # which connection it came over, for the operator
    seq: int = 0


class Setting(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One change of what the folds need to know. Pseudonyms only: names never leave the desk.

    kind: site | ward | home | resident | gateway | device | measure | plan | pause | book | test_session
    value: the item as in a site file (contracts §3) without what is personal; None = removed.
    """

    setting_id: str  # "<kind>/<id>", the same for every version of the item
    version: int  # counts up per setting_id
    kind: str
    value: dict[str, object] | None = None
    actor: str | None = None


# Input.kind
EVENT = "event"


class Input(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One row of INPUTS: an event, a setting or a clock. The home fold knows nothing else."""

    kind: str  # EVENT, SETTING or CLOCK
    received_at_ms: int
    home: str = ""  # "" = every home of the partition (clock, settings of site, ward, book)
    event: Event | None = None
    setting: Setting | None = None
    floor: int = 0  # 1 alarm class; 2 the floor also needs it (fall.suspected, fall.cancelled); 0 neither
    raw_seq: int = 0
    item: int = 0  # which item of an array message
    derived: bool = False  # written to a home by the source fold itself (liveness, feed), not by a message
    seq: int = 0


class DeadLetter(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A raw message, or one item of it, that nobody could understand; its bytes stay in RAW at raw_seq."""

    raw_seq: int
    item: int
    received_at_ms: int
    address: str
    reason: str
    detail: str = ""
    may_be_alarm: bool = False


class Verdict(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A raw message, or one item of it, that deliberately became neither input nor dead letter."""

    raw_seq: int
    item: int
    reason: str  # duplicate | redelivered | unchanged | bridge_info | … (Nothing.reason)
    event_id: str | None = None  # the event it repeats


class Folded(msgspec.Struct, frozen=True, gc=False):
    """What one raw record became. Every item of a message stands in exactly one of the three lists;
    inputs with `derived` come on top.
    """

    inputs: tuple[Input, ...] = ()
    dead_letters: tuple[DeadLetter, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    recorded: tuple[Recorded, ...] = ()


class Recorded(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """An alarm-class event is on disk: what `event.recorded` tells the gateway, again for each resend."""

    topic: str  # where the message came from; the codec knows the command topic
    event_id: str
    ref: dict[str, object]  # the device's id, else seq and time
