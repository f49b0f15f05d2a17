"""A gateway's request filled in from its template, and values found in what it says. Decides from arguments alone.

| in a template | is |
|---|---|
| `$to` | the number |
| `$text`, `$title` | the words |
| `$id` | what we call this try; a receipt may name it |
| `$priority`, `$kind` | P1 …, ring … |
| `$secret`, `$basic` | the secret; `user:secret` as HTTP Basic wants it |
| `$receipts` | where the gateway may send receipts |
| `$$` | a dollar |

Values are written the way the place needs them: inside JSON, XML, a form, a URL. What is found in an answer is named
by a **path**: `messages.0.id` in JSON, `id` in a form, `re:OK ([0-9]+)` in text (the first group).
"""

from __future__ import annotations

import json
import re
import string
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus
from xml.sax.saxutils import escape

PLACES = ("to", "text", "title", "id", "priority", "kind", "secret", "basic", "receipts")
FIELDS_MAX = 200
DEPTH_MAX = 10
VALUE_MAX = 200


def problem_of(template: str) -> str | None:
    """What is wrong with a template; None when nothing is."""
    parsed = string.Template(template)
    if not parsed.is_valid():
        return "a $ that names nothing; write $$ for a dollar"
    unknown = [name for name in parsed.get_identifiers() if name not in PLACES]
    return f"${unknown[0]} is not known; there are ${', $'.join(PLACES)}" if unknown else None


def fill(template: str, values: Mapping[str, str], content_type: str) -> str:
    """The template with every value written as this kind of content needs it."""
    return string.Template(template).substitute({name: _written(value, content_type) for name, value in values.items()})


def fill_url(template: str, values: Mapping[str, str]) -> str:
    """The template of an address."""
    return string.Template(template).substitute({name: quote(value, safe="") for name, value in values.items()})


def fill_header(template: str, values: Mapping[str, str]) -> str:
    """The template of a header; line breaks cannot get in."""
    plain = {name: re.sub(r"[\r\n\0]", " ", value) for name, value in values.items()}
    return string.Template(template).substitute(plain)


def _written(value: str, content_type: str) -> str:
    if "json" in content_type:
        return json.dumps(value, ensure_ascii=False)[1:-1]
    if "form" in content_type:
        return quote_plus(value)
    return escape(value, {'"': "&quot;"}) if "xml" in content_type else value


def parsed(body: bytes, content_type: str) -> Any:
    """What a body says: JSON where it is JSON, fields of a form, else text. Never raises."""
    text = body.decode("utf-8", "replace")
    if "form" in content_type:
        try:
            return dict(parse_qsl(text, max_num_fields=FIELDS_MAX))
        except ValueError:
            return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def found(content: Any, path: str) -> str | None:
    """The value at a path as text; None when there is none."""
    if path.startswith("re:"):
        text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
        match = re.search(path[3:], text)
        return match[1][:VALUE_MAX] if match and match.re.groups else None
    for part in path.split(".")[:DEPTH_MAX]:
        if isinstance(content, Mapping):
            content = content.get(part)
        elif isinstance(content, Sequence) and not isinstance(content, str) and part.isdecimal():
            content = content[int(part)] if int(part) < len(content) else None
        else:
            return None
    if isinstance(content, bool):
        return "true" if content else "false"
    return str(content)[:VALUE_MAX] if isinstance(content, str | int | float) else None
