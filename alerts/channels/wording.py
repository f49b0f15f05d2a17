"""Pure: what a message says, by language (the texts given), who it is for, and what may leave the house on this way.

| clearance of a channel | a message about a home says |
|---|---|
| `tag` (default) | the priority and the tag of the home's key ("R17"), or `#` and its number where there is none |
| `code` | also the alert's code of the national list, for systems of the municipality's own |

Relatives read nothing of it: only that they are asked to come. No name, address or diagnosis is given to this module.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

RELATIVE, TECHNICAL, STAFF, REPLY = "relative", "technical", "staff", "reply"
READERS = {"responder": RELATIVE, "technical": TECHNICAL, "reply": REPLY}
ANSWERABLE = frozenset({"ring", "again", "hand_over", "test"})
WITH_CODES = frozenset({"sms"})
WITH_LINK = frozenset({"sms", "email"})  # push and webhook carry it beside the text; a voice cannot say one
REF_MAX = 40
ARG_MAX = 80


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a message may speak of."""

    kind: str
    target_kind: str
    priority: str
    ref: str
    may_repeat: bool = False
    code: str = ""  # "" where the channel may not say it
    args: Mapping[str, Any] = {}


def reference(key_tag: str | None, message_id: int) -> str:
    """What a home is called outside the house: the tag of its key, else a number of ours."""
    tag = "".join(char for char in key_tag or "" if char.isprintable()).strip()
    return tag[:REF_MAX].strip() or f"#{message_id}"


def answerable(kind: str, target_kind: str) -> bool:
    """Whether somebody is asked to take it or say that they cannot."""
    return kind in ANSWERABLE and READERS.get(target_kind, STAFF) in {STAFF, RELATIVE}


def compose(texts: Mapping[str, str], channel: str, facts: Facts, link: str = "") -> tuple[str, str]:
    """(title, text) in the language of `texts` ({"staff.ring": …})."""
    reader = READERS.get(facts.target_kind, STAFF)
    last = "unreadable" if reader == REPLY else "other"
    words = (str(facts.args.get("say", facts.kind)), facts.kind, last)  # a relative hears less than staff
    text = next(texts[name] for word in words if (name := f"{reader}.{word}") in texts)
    fields = {"priority": facts.priority, "ref": facts.ref, "holder": texts["parts.somebody"]}
    fields |= {name: str(value)[:ARG_MAX] for name, value in facts.args.items() if value is not None}
    parts = [_put(text, fields)]
    if facts.code and reader == STAFF:
        parts[0] += f" ({facts.code})"
    if facts.may_repeat:
        parts.append(texts["parts.may_repeat"])
    if channel in WITH_CODES and answerable(facts.kind, facts.target_kind):
        parts.append(_put(texts["parts.relative_codes" if reader == RELATIVE else "parts.codes"], fields))
    if link and channel in WITH_LINK:
        parts.append(link)
    title = texts["parts.title" if reader == STAFF else "parts.plain_title"]
    return _put(title, fields), " ".join(parts)


def _put(text: str, fields: Mapping[str, str]) -> str:
    """The fields one after the other, never through `format`: a tag that holds braces stays a tag."""
    out, rest = "", text
    while "{" in rest:
        before, _, after = rest.partition("{")
        name, _, rest = after.partition("}")
        out += before + fields.get(name, "")
    return out + rest
