"""What is said to InfluxDB: line protocol, queries in Flux, and those of curves in InfluxQL. Pure.

A curve is asked for in InfluxQL: Flux needs 3 ms of the server for each table that it is told to make, four a piece.

Tags are what is bounded: site, subject (a pseudonym), device, metric. They are percent-encoded, so that no text of a
gateway means anything in a line or in a query. Times are nanoseconds.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import msgspec

from ingest.series import MEAN_MS, Grid, Mark, Point

POINTS, MARKS, UNITS, HEARD, POSITION, HOURS = "points", "marks", "units", "heard", "position", "hours"
"""Measurements. The first two hold what is known of people and devices, the others what the store needs to know."""

EPOCH, MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
HOUR_MS, MS_NS = 3_600_000, 1_000_000
FIXED_NS = MS_NS  # where a point stands that is only ever overwritten
END_MS = 7_258_118_400_000  # the year 2200: what clocks ahead of ours have sent is there as well
END_NS = END_MS * MS_NS
EACH_MS = 14 * 24 * HOUR_MS  # so much time of means is cheaper to add up here than in windows of InfluxDB
_NOT_PLAIN = re.compile(rb"[^A-Za-z0-9_.:/@+~()\[\]-]")  # a space, a comma, = " \ % $ and whatever else has a meaning
_ENCODED = re.compile(rb"%([0-9A-F]{2})")
_EMPTY = "%"  # a tag may not be empty
FINE = (("sum", "sum", "value"), ("count", "count", "value"), ("low", "min", "value"), ("high", "max", "value"))
COARSE = (("sum", "sum", "sum"), ("count", "sum", "count"), ("low", "min", "low"), ("high", "max", "high"))
"""(what of a bucket, function of Flux and InfluxQL, field it is made of), of points and of means."""


class Piece(msgspec.Struct, frozen=True):
    """A part of a curve's time, [from_ms, to_ms), and whether it is read from means or from points."""

    from_ms: int
    to_ms: int
    means: bool


def tag(text: str) -> str:
    """Percent-encoded; also text that no UTF-8 can hold comes back as it was."""
    encoded = text.encode("utf-8", "surrogatepass")
    return _NOT_PLAIN.sub(lambda found: b"%%%02X" % found[0][0], encoded).decode() or _EMPTY


def untag(text: str) -> str:
    if text == _EMPTY:
        return ""
    return _ENCODED.sub(lambda found: bytes([int(found[1], 16)]), text.encode()).decode("utf-8", "surrogatepass")


def point_line(site: str, one: Point) -> str:
    return f"{POINTS},{_series(site, one)} value={float(one.value)!r} {one.at_ms * MS_NS}"


def unit_line(site: str, one: Point) -> str:
    return f'{UNITS},{_series(site, one)} unit="{tag(one.unit)}" {FIXED_NS}'


def mark_line(site: str, one: Mark) -> str:
    """Several may stand in one millisecond: which nanosecond of it follows from what they say."""
    said = "\t".join(tag(text) for text in (one.type, one.room, one.event_id))
    inside_ns = zlib.crc32(said.encode()) % MS_NS
    return f'{MARKS},site={tag(site)},subject={tag(one.subject)} said="{said}" {one.at_ms * MS_NS + inside_ns}'


def mark_of(subject: str, at_ms: int, said: str) -> Mark:
    kind, room, event_id = (untag(text) for text in said.split("\t"))
    return Mark(subject, at_ms, kind, room, event_id)


def time_ms(text: str) -> int:
    """An instant as InfluxDB writes it, RFC 3339 in UTC."""
    return (datetime.fromisoformat(text) - EPOCH) // MILLISECOND


def heard_line(site: str, address: str, at_ms: int) -> str:
    return f"{HEARD},site={tag(site)},device={tag(address)} at_ms={at_ms}i {FIXED_NS}"


def position_line(site: str, partition: int, position: int, store: str) -> str:
    return f'{POSITION},site={tag(site)},partition={partition} position={position}i,store="{store}" {FIXED_NS}'


def hour_line(site: str, hour_ms: int, name: str, value: int) -> str:
    """`written` changes with every batch that has points of this hour; `means` is the one its means were made of."""
    return f"{HOURS},site={tag(site)} {name}={value}i {hour_ms * MS_NS}"


def select(bucket: str, measurement: str, site: str, from_ns: int = 0, to_ns: int = END_NS, **tags: str) -> str:
    """Rows of one measurement with these tags, [from_ns, to_ns)."""
    wanted = "".join(f' and r.{name} == "{tag(value)}"' for name, value in tags.items())
    return (
        f'from(bucket: "{bucket}") |> range(start: time(v: {from_ns}), stop: time(v: {to_ns}))'
        f' |> filter(fn: (r) => r._measurement == "{measurement}" and r.site == "{tag(site)}"{wanted})'
    )


def one_of(name: str, values: Collection[str]) -> str:
    """A further filter: the tag is one of these."""
    wanted = " or ".join(f'r.{name} == "{tag(one)}"' for one in sorted(values))
    return f" |> filter(fn: (r) => {wanted})"


def curve_statements(
    buckets: tuple[str, str], site: str, subject: str, metric: str, pieces: Sequence[Piece], lies: Grid
) -> list[str]:
    """Time, sum, count, lowest and highest of parts of buckets, all devices together, in InfluxQL. `buckets`: those of
    points and of means.
    """
    texts = []
    for piece in pieces:
        each = piece.means and piece.to_ms - piece.from_ms <= EACH_MS
        what = [f'"{of}"' if each else f'{name}("{of}")' for _, name, of in (COARSE if piece.means else FINE)]
        text = _statement(
            what, buckets[piece.means], POINTS, site, piece.from_ms, piece.to_ms, subject=subject, metric=metric
        )
        windows = f" GROUP BY time({lies.width_ms}ms, {lies.start_ms % lies.width_ms}ms) fill(none)"
        texts.append(text if each else text + windows)
    return texts


def hours_statement(bucket: str, site: str, from_ms: int, to_ms: int) -> str:
    """Time, `written` and `means` of the hours noted in [from_ms, to_ms), in InfluxQL."""
    return _statement(('"written"', '"means"'), bucket, HOURS, site, from_ms, to_ms)


def roll_query(source: str, target: str, site: str, from_ms: int, to_ms: int) -> str:
    """Means in [from_ms, to_ms), made of the points that are there now, over what was there before."""
    rows = select(source, POINTS, site, from_ms * MS_NS, to_ms * MS_NS)
    texts = [
        f'{rows} |> filter(fn: (r) => r._field == "value") |> aggregateWindow(every: {MEAN_MS}ms, fn: {function},'
        f' createEmpty: false, timeSrc: "_start") |> set(key: "_field", value: "{name}")'
        f' |> to(bucket: "{target}") |> limit(n: 1) |> keep(columns: ["_field"]) |> yield(name: "{name}")'
        for name, function, _ in FINE
    ]
    return "\n".join(texts)


def _statement(
    what: Sequence[str], bucket: str, measurement: str, site: str, from_ms: int, to_ms: int, **tags: str
) -> str:
    """A bucket stands in InfluxQL as a database with the one retention policy `autogen`. Times beyond what nanoseconds
    can say would be taken for others.
    """
    begin_ms, end_ms = (max(-END_MS, min(at_ms, END_MS)) for at_ms in (from_ms, to_ms))
    wanted = "".join(f" AND {name} = '{tag(value)}'" for name, value in {"site": site, **tags}.items())
    return (
        f'SELECT {", ".join(what)} FROM "{bucket}"."autogen"."{measurement}"'  # noqa: S608 (`tag` has encoded it)
        f" WHERE time >= {begin_ms}ms AND time < {end_ms}ms{wanted}"
    )


def _series(site: str, one: Point) -> str:
    return _tags(site, one.subject, one.device, one.metric)


@lru_cache(maxsize=50_000)
def _tags(site: str, subject: str, device: str, metric: str) -> str:
    """Half of what a point costs us, and the same for all of a series."""
    return f"site={tag(site)},subject={tag(subject)},device={tag(device)},metric={tag(metric)}"
