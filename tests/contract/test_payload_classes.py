"""Every line of the two payload files has a class, kept in a table that people have read line by line.

The table names a line by file, number and digest and holds none of its text. `drafts` are types with marks: "*" a
state, "!" a real event, "T" the device says test; then the words of the content that decide what happens.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.codec import REJECT_REASONS
from ingest.codecs import default_codecs
from ingest.event import Draft, Nothing, Rejected
from ingest.vocabulary import is_known, typed
from tests.support.payloads import Line, read_payloads

TABLE = [json.loads(line) for line in (Path(__file__).parent / "payload_classes.jsonl").read_text().splitlines()]
FILES = {"zigbee2mqtt.jsonl": 363, "chirpstack.jsonl": 65}
HEALTH = ("device.", "heartbeat", "battery.", "tamper.", "mains.", "test.")
# content that decides what happens; measured numbers are payload text and stay out of the table
TELLING = ("trigger", "source", "metric", "unit", "code", "severity", "reason", "actor", "method", "zone", "door")


def decode(line: Line, row: dict[str, Any]) -> list[Draft | Rejected | Nothing]:
    """What our codecs make of a line by itself, with the model the collection names."""
    for codec in default_codecs():
        if codec.route(line.topic) is not None:
            return codec.decode(None, line.topic, line.payload, 0, row.get("model"), row.get("role"))[1]
    return [Rejected("no_codec")]


def class_of(items: list[Draft | Rejected | Nothing]) -> str:
    """event, state, health, none or rejected:<reason>; with drafts and a rejection both."""
    rejected = [item for item in items if isinstance(item, Rejected)]
    drafts = [item for item in items if isinstance(item, Draft)]
    reason = f"rejected:{rejected[0].reason}{'!' if rejected[0].may_be_alarm else ''}" if rejected else ""
    care = [draft for draft in drafts if not draft.type.startswith(HEALTH)]
    kind = ""
    if care:
        kind = "state" if all(draft.state for draft in care) else "event"
    elif drafts:
        kind = "health"
    return "+".join(filter(None, (kind, reason))) or "none"


def describe(draft: Draft) -> str:
    """One draft as the table writes it."""
    mark = "*" if draft.state else "!"
    words = [f"{key}={draft.content[key]}" for key in TELLING if key in draft.content]
    return " ".join([f"{draft.type}{mark}{'T' if draft.test else ''}", *words])


def check_line(line: Line, row: dict[str, Any]) -> str:
    """ "" when the line is what its row says, else what it is instead."""
    items = decode(line, row)
    drafts = [describe(item) for item in items if isinstance(item, Draft)]
    if line.digest != row["digest"]:
        return "the collection changed here: read the line again, then renew its row"
    if class_of(items) != row["class"] or drafts != row["drafts"]:
        return f"{class_of(items)} {drafts}, the table says {row['class']} {row['drafts']} ({line.meaning})"
    return ""


@pytest.mark.parametrize("file", FILES)
def test_every_line_has_the_class_that_the_table_says(shared_dir, file):
    """Each line of the collection is decoded to exactly the class and the events of its row."""
    rows = {row["line"]: row for row in TABLE if row["file"] == file}
    lines = read_payloads(shared_dir, file)

    wrong = {line.number: said for line in lines if (said := check_line(line, rows[line.number]))}

    assert wrong == {}


@pytest.mark.parametrize(("file", "count"), FILES.items())
def test_the_table_is_complete(shared_dir, file, count):
    """No line of the collection is without a row, and no row without a line."""
    rows = [row["line"] for row in TABLE if row["file"] == file]

    assert rows == [line.number for line in read_payloads(shared_dir, file)] == list(range(1, count + 1))


@pytest.mark.parametrize("file", FILES)
def test_what_codecs_say_is_in_the_vocabulary(shared_dir, file):
    """Every draft's content passes the vocabulary unchanged, and every rejection has a reason of the list."""
    rows = {row["line"]: row for row in TABLE if row["file"] == file}
    strange: list[tuple[int, Draft | Rejected]] = []
    for line in read_payloads(shared_dir, file):
        for item in decode(line, rows[line.number]):
            if isinstance(item, Rejected) and item.reason not in REJECT_REASONS:
                strange.append((line.number, item))
            if isinstance(item, Draft):
                content, _, invalid, missing = typed(item.type, item.content)
                known = is_known(item.type) or item.type == "action.reported"
                if not known or content != item.content or invalid or missing:
                    strange.append((line.number, item))

    assert strange == []
