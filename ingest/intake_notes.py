"""What an intake writes down about itself once a second: topic `intakes`, key its name, the newest counts. Pure.

RAW has no place for it: which rows the broker has been told of, so that after a crash the rest is known again as what
may come again; when it last took in anything; whether it hears its broker. It is also how often the intake looks at
Kafka's clock, and how another intake knows that this one lives.

A row of RAW says in a header which intake took it in, in which run and as its how-manieth: Kafka's offsets are those
of many intakes, and known only afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

HEADER = "taken"
EVERY_MS = 1_000
ALIVE_MS = 10_000  # whoever has not written for so long is gone
SKEWED_MS = 5_000  # two clocks differ by less: each is within 2 s of Kafka's


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """`acked`: by link, the row of this run up to which nothing comes again. `feed`: live, late, blind; "" = none.
    `lost_ms`: it has said feed.lost as of then, and not yet that the feed is back; 0 = no. `back_ms`: when it said last
    that the feed is back; 0 = never. `gateways`: the list of those that it hears; "" = all.
    """

    intake: str
    run: str
    at_ms: int
    received_at_ms: int = 0
    acked: dict[str, int] = {}
    feed: str = ""
    feed_since_ms: int = 0
    lost_ms: int = 0
    back_ms: int = 0
    gateways: str = ""

    def hears_for(self, gateways: str) -> bool:
        """Whether it hears all of that list."""
        return self.gateways in {"", gateways}


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


class Others(msgspec.Struct, frozen=True):
    """What the notes of the others come to, for one intake.

    `hear`: one of them lives and hears what it hears. `left_ms`: since when the feed is lost by the word of some that
    are gone, which it may take back for them as it hears what they heard; 0: none stands. `undone_ms`: when one that
    does not hear for it said last that the feed is back, which homes take to be all of it; 0: none did.
    """

    hear: bool = False
    left_ms: int = 0
    undone_ms: int = 0


def others_say(notes: Mapping[str, Note], own: str, gateways: str, now_ms: int) -> Others:
    """`gateways`: the list that intake `own` hears; "" = all."""
    others = [note for name, note in notes.items() if name != own]
    gone = [note for note in others if now_ms - note.at_ms > ALIVE_MS]
    alike = [note for note in others if note.hears_for(gateways) and note not in gone]
    back_ms = max((note.back_ms for note in notes.values()), default=0)
    left = [
        note.lost_ms
        for note in gone
        if note.lost_ms and gateways in {"", note.gateways} and back_ms < note.at_ms + SKEWED_MS
    ]
    return Others(
        any(note.feed == "live" for note in alike),
        min(left, default=0),
        max((note.back_ms for note in others if note not in alike), default=0),
    )


_NOTE = msgspec.json.Decoder(Note)
