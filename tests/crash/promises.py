"""What must hold after any number of `kill -9`: read from the service's files when it has stopped, by SQL of our own.

The last word is a refold: everything in RAW once more through fresh folds must give exactly the rows of INPUTS and
exactly the alerts that stand at the desk.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from ingest import journal_rows as rows
from ingest.codecs import default_codecs
from ingest.event import REDELIVERED, Event
from ingest.record import EVENT, Input, RawRecord
from ingest.source_fold import SourceFold
from rules.book import Book
from rules.effects import Raise, alarm_alert_id
from rules.floor import Floor
from rules.home_fold import HomeFold

SHOWN = 5
UNNAMED = "-"  # event id of what was acknowledged without one
PAGE = 5_000
SOURCE_POSITION = "SELECT position FROM positions WHERE name = 'source'"
HOLES = "SELECT max(seq) - count(*) FROM {}"
# every item of a raw row of the outside is in exactly one of the three lists; what is derived comes on top
ITEMS = """
    SELECT raw_seq, item FROM inputs WHERE derived = 0 AND kind = 'event'
    UNION ALL SELECT raw_seq, item FROM dead_letters
    UNION ALL SELECT raw_seq, item FROM verdicts"""
UNACCOUNTED = f"""SELECT raw.seq, count(items.raw_seq) FROM raw LEFT JOIN ({ITEMS}) AS items ON items.raw_seq = raw.seq
    WHERE raw.kind IN ('mqtt', 'http') GROUP BY raw.seq HAVING count(items.raw_seq) <> 1"""
REPEATED = "SELECT event_id, payload FROM verdicts JOIN raw ON seq = raw_seq WHERE reason = 'unchanged'"
WITHOUT_ACTION = """SELECT incident_id FROM incidents WHERE open AND NOT EXISTS (
    SELECT 1 FROM timers WHERE timers.incident_id = incidents.incident_id AND timers.alert_id = '')"""
WITHOUT_INCIDENT = """SELECT alert_id FROM alerts LEFT JOIN incidents USING (incident_id)
    WHERE alerts.open AND NOT coalesce(incidents.open, FALSE)"""
PRESSES = """SELECT alert_id, presses,
    (SELECT count(*) FROM alerts AS merged WHERE merged.merged_into = alerts.alert_id AND merged.rule = 'R01')
    FROM alerts WHERE alarm AND rule = 'R01' AND merged_into IS NULL"""

# but the desk's own word: a channel had no broker yet when it was tried
STANDING = "SELECT alert_id FROM alerts WHERE NOT (source = 'desk' AND rule = 'CHANNEL')"


class Ledger(msgspec.Struct):
    """What the outside sent, by kind (see tests/crash/gateway.py), and what was acknowledged to it."""

    sent: dict[str, str]  # key -> T, P (with a key of its own), t, p (without)
    acknowledged: dict[str, str]  # key -> event id
    complete: bool

    def named(self) -> list[tuple[str, str]]:
        """Keys and event ids, of those acknowledged by the event's id: over the web of many machines it is not told."""
        return [(key, event_id) for key, event_id in self.acknowledged.items() if event_id != UNNAMED]

    @classmethod
    def read(cls, path: Path) -> Ledger:
        found = cls({}, {}, complete=False)
        for line in path.read_text().rpartition("\n")[0].splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "A":
                key, _, event_id = rest.partition(" ")
                found.acknowledged[key] = event_id
            elif kind == "end":
                found.complete = True
            else:
                found.sent[rest] = kind
        return found


def open_files(data: Path) -> dict[str, sqlite3.Connection]:
    """Read-only connections to journal and desk; they never checkpoint."""
    found = {}
    for name in ("journal", "desk"):
        found[name] = sqlite3.connect(f"file:{data / name}.db?mode=ro", uri=True)
        found[name].execute("PRAGMA wal_autocheckpoint=0")
    return found


def positions(data: Path) -> dict[str, int]:
    """Ends of the logs, positions of the folds, newest snapshots."""
    files = open_files(data)
    with closing(files["journal"]) as journal, closing(files["desk"]) as desk:
        found = {name: _one(journal, f"SELECT coalesce(max(seq), 0) FROM {name}") for name in ("raw", "inputs")}
        found["source"] = _one(journal, SOURCE_POSITION)
        found |= {f"applied {lane}": at for lane, at in desk.execute("SELECT lane, position FROM applied")}
        newest = "SELECT name, max(position) FROM snapshots WHERE whole GROUP BY name"
        return found | {f"snapshot {name}": at for name, at in journal.execute(newest)}


def position_faults(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Whether any position went back, or stands beyond what it is a position in."""
    found = [f"{name} went back from {at}" for name, at in before.items() if now.get(name, 0) < at]
    ends = {"source": "raw", "snapshot source": "source"} | {name: "inputs" for name in now if "applied" in name}
    ends |= {name: f"applied {name.partition(' ')[2]}" for name in now if name in {"snapshot live", "snapshot floor"}}
    for name, end in ends.items():
        if now.get(name, 0) > now.get(end, 0):
            found.append(f"{name} {now[name]} > {end} {now.get(end, 0)}")
    return found


def lost(data: Path, acknowledged: dict[str, str]) -> list[str]:
    """Acknowledged keys whose event is not in INPUTS, nor one that says nothing new."""
    with closing(open_files(data)["journal"]) as journal:
        known = {event.event_id for event in _events(journal)} | {one for one, _ in journal.execute(REPEATED)}
    return [key for key, event_id in acknowledged.items() if event_id not in known]


def broken_promises(data: Path, site: str, ledger: Ledger) -> list[str]:
    """Everything that does not hold; empty when all does. The service has stopped and was idle before."""
    files = open_files(data)
    with closing(files["journal"]) as journal, closing(files["desk"]) as desk:
        return [
            *ledger_faults(_events(journal), _repeated(journal), ledger),
            *_log_faults(journal),
            *desk_faults(lambda query: desk.execute(query).fetchall()),
            *_refold_faults(journal, desk, site),
        ]


def ledger_faults(
    events: Iterable[Event], repeated: Iterable[tuple[str, str]], ledger: Ledger, *, broker_lived: bool = True
) -> Iterator[str]:
    """Nothing acknowledged is lost; nothing the broker took is lost or twice. `events`: those of INPUTS; `repeated`:
    key and event id of what said nothing new. A broker that died takes with it what nobody had acknowledged by name.
    """
    if not ledger.complete:
        yield "the publisher did not come to its end"
    by_key: Counter[str] = Counter()
    ids: dict[str, str] = {}
    copies: Counter[str] = Counter()
    for event in events:
        mark = event.extra.get("n")
        if event.key is not None:
            by_key[event.key] += 1
            ids[event.key] = event.event_id
        elif isinstance(mark, str):
            by_key[mark] += 1
            copies[mark] += REDELIVERED in event.quality
    for key, event_id in repeated:
        by_key[key] += 1
        ids[key] = event_id
    yield from _told("acknowledged and lost", [key for key in ledger.acknowledged if not by_key[key]])
    yield from _told("acknowledged under another id", [k for k, i in ledger.named() if ids.get(k) != i])
    presses = [key for key, kind in ledger.sent.items() if kind == "P"]
    yield from _told("pressed and never acknowledged", [key for key in presses if key not in ledger.acknowledged])
    if broker_lived:
        yield from _told("sent and lost", [key for key in ledger.sent if not by_key[key]])
    twice = [key for key in ledger.sent if by_key[key] - copies[key] > 1]
    yield from _told("twice in INPUTS", twice)
    yield from _told(
        "a copy of what is no alarm", [key for key in copies if copies[key] and ledger.sent.get(key) != "p"]
    )


def _log_faults(journal: sqlite3.Connection) -> Iterator[str]:
    for log in ("raw", "inputs"):
        if (holes := _one(journal, HOLES.format(log))) != 0:
            yield f"{log} has {holes} holes"
    if _one(journal, SOURCE_POSITION) != _one(journal, "SELECT max(seq) FROM raw"):
        yield "the source fold has not come to the end of RAW"
    yield from _told("raw rows not accounted for exactly once", journal.execute(UNACCOUNTED).fetchall())
    back = "SELECT a.seq FROM raw AS a JOIN raw AS b ON b.seq = a.seq + 1 WHERE b.received_at_ms < a.received_at_ms"
    yield from _told("time went back in RAW", journal.execute(back).fetchall())


def desk_faults(ask: Callable[[str], Sequence[Any]], mended: Collection[str] = ()) -> Iterator[str]:
    """What must hold among the desk's own rows. `ask` gives the rows of a query. `mended`: findings of the reconciler
    that it is there for, as it outlives what should have raised the alarm, and waits for it for seconds only.
    """
    doubled = "SELECT episode FROM alerts WHERE alarm GROUP BY site_id, episode HAVING count(*) > 1"
    yield from _told("more than one alert for an alarm", ask(doubled))
    yield from _told("open incidents without a next action", ask(WITHOUT_ACTION))
    yield from _told("open alerts without an open incident", ask(WITHOUT_INCIDENT))
    miscounted = [row for row in ask(PRESSES) if row[1] != row[2] + 1]
    yield from _told("presses not counted (alert, presses, merged)", miscounted)
    found = [row for row in ask("SELECT kind, ref FROM findings") if row[0] not in mended]
    yield from _told("the reconciler had to mend", found)
    unfinished = "SELECT id FROM attempts WHERE result IS NULL"
    yield from _told("attempts without a result", ask(unfinished))


def _refold_faults(journal: sqlite3.Connection, desk: sqlite3.Connection, site: str) -> Iterator[str]:
    """Fresh folds over RAW: the same INPUTS, and exactly the alerts that stand at the desk."""
    source, floor, home = SourceFold(site, default_codecs()), Floor(site), HomeFold(Book(()), site)
    kept = _inputs(journal)
    raised: set[str] = set()
    alarms: set[str] = set()
    for record in _records(journal):
        for given in source.apply(record).inputs:
            found = next(kept, None)
            if found is None or rows.input_row(site, found) != rows.input_row(site, given):
                yield f"INPUTS differ from a refold at raw row {record.seq}"
                return
            raised.update(one.alert_id for one in [*floor.apply(given), *home.apply(given)] if isinstance(one, Raise))
            if given.floor == 1 and given.event is not None and not given.derived:
                alarms.add(alarm_alert_id(site, given.event.event_id))
    if next(kept, None) is not None:
        yield "INPUTS hold more than a refold gives"
    yield from alert_faults(alarms, raised, {alert_id for (alert_id,) in desk.execute(STANDING)})


def alert_faults(alarms: set[str], raised: set[str], stands: set[str]) -> Iterator[str]:
    """None missing, none doubled: what the folds raised, and what stands at the desk (`STANDING`)."""
    yield from _told("alarms without an alert", sorted(alarms - stands))
    yield from _told("alerts missing at the desk", sorted(raised - stands))
    yield from _told("alerts that nothing raised", sorted(stands - raised))


def _records(journal: sqlite3.Connection) -> Iterator[RawRecord]:
    for row in journal.execute(f"{rows.SELECT_RAW} ORDER BY seq"):
        yield rows.raw_record(row)


def _inputs(journal: sqlite3.Connection) -> Iterator[Input]:
    for row in journal.execute(f"{rows.SELECT_INPUT} ORDER BY seq"):
        yield rows.input_of(row)


def _repeated(journal: sqlite3.Connection) -> Iterator[tuple[str, str]]:
    for event_id, payload in journal.execute(REPEATED):
        key = msgspec.json.decode(payload).get("id")
        if key is not None:
            yield key, event_id


def _events(journal: sqlite3.Connection) -> Iterator[Event]:
    return (one.event for one in _inputs(journal) if one.kind == EVENT and one.event is not None and not one.derived)


def _one(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def _told(what: str, found: Iterable[object]) -> Iterator[str]:
    every = list(found)
    if every:
        yield f"{len(every)} {what}: {every[:SHOWN]}"
