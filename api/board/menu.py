"""Pure: the menu: every page that has an entry, in groups, and which of them a reader sees."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

GROUPS = (
    ("menu.now", (
        ("", "menu.queue", None), ("unwatched", "menu.unwatched", "carer"), ("quiet", "menu.quiet", "carer"),
        ("residents", "menu.residents", "carer"),
    )),
    ("menu.shift", (
        ("shifts", "menu.shifts", None), ("handover", "menu.handover", "carer"), ("policies", "menu.policies", None),
    )),
    ("menu.things", (
        ("devices", "menu.devices", None), ("tests", "menu.tests", "carer"), ("channels", "menu.channels", None),
        ("dead-letters", "menu.dead_letters", "operator"), ("try", "menu.try", "demo"),
    )),
    ("menu.leader", (
        ("rules", "menu.rules", None), ("reports", "menu.reports", None), ("accounts", "menu.accounts", "keeper"),
    )),
)  # fmt: skip


def menu_groups(path: str, may: Callable[[str], bool]) -> list[dict[str, Any]]:
    """Groups with something in them. `may` says whether the reader has a need: a role, "keeper" or "demo"."""
    groups = []
    for word, entries in GROUPS:
        items = [
            {"path": target, "word": text, "here": _here(path, target)}
            for target, text, need in entries
            if need is None or may(need)
        ]
        if items:
            groups.append({"word": word, "entries": items})
    return groups


def _here(path: str, target: str) -> bool:
    """Pages below an entry belong to it; an alert to the queue."""
    if not target:
        return path == "/" or path.startswith("/alerts")
    return path == f"/{target}" or path.startswith(f"/{target}/")
