"""The JSON Schema of rule book files, for editors: made from the code, so that it cannot drift. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.vocabulary import TYPES
from rules.book import HOLDS, PER, Rule
from rules.book_check import OWN_TYPES, VKP_CODES, parameters_of_kind
from rules.kinds import KINDS
from rules.parameters import PRIORITIES

_DURATION = r"^[0-9]+ ?(ms|s|min|h|d)$"
_CLOCK = r"([01][0-9]|2[0-4]):[0-5][0-9]"
_WAYS: dict[str, dict[str, Any]] = {
    "duration": {"type": "string", "pattern": _DURATION, "description": "such as 20 min"},
    "window": {"type": "string", "pattern": f"^{_CLOCK}-{_CLOCK}$", "description": 'such as "22:00-06:00", in quotes'},
    "time": {"type": "string", "pattern": f"^{_CLOCK}$", "description": 'such as "10:30", in quotes'},
    "flag": {"type": "boolean"},
    "count": {"type": "integer", "minimum": 0},
    "priority": {"enum": list(PRIORITIES)},
    "words": {"type": "string", "description": "words separated by commas"},
    "times": {"type": "string", "description": 'times of day separated by commas, such as "08:00, 20:00"'},
    "days": {"type": "string", "description": "weekdays separated by commas, such as mon, thu"},
    "number": {"type": ["number", "string"], "description": "such as 36.5"},
    "degrees": {"type": ["number", "string"], "description": "such as 59.913868"},
    "unit": {"type": "string", "description": "a UCUM code, such as Cel"},
}


def book_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a site's rule book: `rules`, `set`, `wards`, `off`, `shadow`."""
    (_, parts) = msgspec.json.schema_components([Rule], ref_template="#/$defs/{name}")
    parts = {name: _closed(part) for name, part in parts.items()}
    rule, match, variant = parts["Rule"], parts["Match"], parts["Variant"]
    for name in ("id", "version"):
        rule["properties"].pop(name, None)
    rule["required"] = [name for name in rule["required"] if name != "id"]
    rule["properties"] |= {
        "kind": {"enum": list(KINDS)},
        "per": {"enum": list(PER)},
        "priority": {"enum": list(PRIORITIES)},
        "code": {"enum": ["", *VKP_CODES]},
        "holds": {"type": "array", "items": {"enum": list(HOLDS)}},
    }
    rule["allOf"] = [
        {"if": {"properties": {"kind": {"const": kind}}}, "then": {"properties": {"set": _parameters(kind)}}}
        for kind in KINDS
    ]
    variant["properties"] |= {"priority": {"enum": [*PRIORITIES, None]}, "code": {"enum": [None, "", *VKP_CODES]}}
    match["properties"]["types"] = {"type": "array", "items": {"enum": [*TYPES, *OWN_TYPES]}}
    match["properties"]["window"] = _WAYS["window"]
    settings = {"type": "object", "additionalProperties": {"type": "object"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Vardevakt rule book of a site",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "rules": {"type": "object", "additionalProperties": {"$ref": "#/$defs/Rule"}},
            "set": settings,
            "wards": {"type": "object", "additionalProperties": settings},
            "off": {"type": "array", "items": {"type": "string"}},
            "shadow": settings,
        },
        "$defs": parts,
    }


def _parameters(kind: str) -> dict[str, Any]:
    known = {name: _WAYS[written] for name, (_, written) in parameters_of_kind(kind).items()}
    return {"type": "object", "additionalProperties": False, "properties": known}


def _closed(part: dict[str, Any]) -> dict[str, Any]:
    return {**part, "additionalProperties": False} if part.get("type") == "object" else part
