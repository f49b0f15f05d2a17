"""Edge: the desk's site as a site file (contracts §3). Importing what was exported changes nothing.

It holds personal data: whoever writes it to disk says so and logs it.
"""

from __future__ import annotations

import io
from datetime import date
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq

from alerts.site.items import SECTIONS
from alerts.site.settings_store import SettingsStore

_BOOKKEEPING = ("version", "saved_at", "in_force")
_DAYS = ("born", "from", "until", "review")


def dump(store: SettingsStore) -> str:
    """The whole site as YAML text, one item a line. Pauses and test sessions, which end by themselves, stay out."""
    document = CommentedMap()
    with store.database.reader.connect() as conn:
        sites = store.list_in(conn, "site")
        if sites:
            document["site"] = _line(sites[0])
        for section, kind in SECTIONS.items():
            items = store.list_in(conn, kind)
            if items:
                document[section] = CommentedSeq(_line(value) for value in items)
    yaml = YAML(typ="rt", pure=True)
    yaml.width = 100_000
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(document, text)
    return text.getvalue()


def _line(value: dict[str, Any]) -> CommentedMap:
    line = CommentedMap()
    for name, written in value.items():
        if name in _BOOKKEEPING:
            continue
        if name in _DAYS:
            line[name] = date.fromisoformat(written)  # without the quotes that a text would get
        elif isinstance(written, dict):
            line[name] = CommentedMap(written)
            line[name].fa.set_flow_style()
        else:
            line[name] = written
    line.fa.set_flow_style()
    return line
