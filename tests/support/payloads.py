"""The payload collection in ../shared/payloads, read the way its README says: one line, one message."""

import base64
import hashlib
import json
from pathlib import Path
from typing import NamedTuple


class Line(NamedTuple):
    """One line that has a topic; `digest` changes when the line does."""

    number: int
    digest: str
    topic: str
    payload: bytes
    meaning: str


def read_payloads(shared_dir: Path, file: str) -> list[Line]:
    """All lines of a file of the collection, in order, as the bytes that would stand on the wire."""
    found = []
    for number, raw in enumerate((shared_dir / "payloads" / file).read_bytes().splitlines(), 1):
        entry = json.loads(raw)
        digest = hashlib.sha256(raw).hexdigest()[:10]
        found.append(Line(number, digest, entry["topic"], as_bytes(entry["payload"]), entry["meaning"]))
    return found


def as_bytes(payload: object) -> bytes:
    """A string is plain text on the wire, {"base64"} binary, everything else JSON."""
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, dict) and set(payload) == {"base64"}:
        return base64.b64decode(payload["base64"])
    return json.dumps(payload, ensure_ascii=False).encode()
