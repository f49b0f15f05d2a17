"""What an intake writes down about itself once a second: topic `intakes`, key its name, the newest counts. Pure.

RAW has no place for it: which rows the broker has been told of, so that after a crash the rest is known again as what
may come again; when it last took in anything; whether it hears its broker. It is also how often the intake looks at
Kafka's clock, and how another intake knows that this one lives.

A row of RAW says in a header which intake took it in, in which run and as its how-manieth: Kafka's offsets are those
of many intakes, and known only afterwards.
"""

from __future__ import annotations

import msgspec

HEADER = "taken"
EVERY_MS = 1_000
ALIVE_MS = 10_000  # whoever has not written for so long is gone


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """`acked`: by link, the row of this run up to which nothing comes again. `feed`: live, late, blind; "" = none.
    `lost_ms`: it has said feed.lost as of then, and not yet that the feed is back; 0 = no.
    """

    intake: str
    run: str
    at_ms: int
    received_at_ms: int = 0
    acked: dict[str, int] = {}
    feed: str = ""
    feed_since_ms: int = 0
    lost_ms: int = 0


class Taken(msgspec.Struct, frozen=True, gc=False):
    """Which intake took a row in."""

    intake: str
    run: str
    seq: int


def encode(note: Note) -> bytes:
    return msgspec.json.encode(note)


def decode(value: bytes) -> Note | None:
    """None: not one of ours, or of a version that nobody here can read."""
    try:
        return _NOTE.decode(value)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def header(intake: str, run: str, seq: int) -> tuple[str, bytes]:
    return HEADER, f"{run}/{seq}/{intake}".encode()


def taken(headers: tuple[tuple[str, bytes], ...]) -> Taken | None:
    """What the header of a row says; None: it has none."""
    for name, value in headers:
        if name == HEADER:
            run, _, rest = value.decode("utf-8", "replace").partition("/")
            seq, _, intake = rest.partition("/")
            return Taken(intake, run, int(seq)) if seq.isdigit() else None
    return None


def others_hear(notes: dict[str, Note], own: str, now_ms: int) -> bool:
    """Whether another intake lives and hears its broker."""
    return any(
        note.feed == "live" and now_ms - note.at_ms <= ALIVE_MS for name, note in notes.items() if name != own
    )  # fmt: skip


_NOTE = msgspec.json.Decoder(Note)
