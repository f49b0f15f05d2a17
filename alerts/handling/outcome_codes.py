"""Pure: what is written down when an alert has ended: codes of cause, action and contact by kind of alert, as data.

For: what the API and the page offer, the likeliest first (`offered`). Words stand in `api/words` (cause, action,
contact); any other code is kept as well, so a site may agree on codes of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

CAUSES = (
    "toilet", "practical_help", "fall_no_injury", "fall_injury", "anxious", "acute_illness", "medication", "wandering",
    "planned_visit", "accidental", "technical", "fire", "no_finding", "test", "other",
)  # fmt: skip
ACTIONS = (
    "visit", "talked", "helped_up", "care", "medication", "doctor", "called_113", "called_112", "called_110",
    "relative", "technician", "dose_given", "dose_confirmed", "dose_skipped", "none", "other",
)  # fmt: skip
CONTACTS = ("spoke", "responder_on_site", "no_answer", "none")
FIELDS: Mapping[str, tuple[str, ...]] = {"cause": CAUSES, "action": ACTIONS, "contact": CONTACTS}


class Kind(msgspec.Struct, frozen=True):
    """Alerts of these rules, or VKP codes that begin so, and what they mostly turn out to be."""

    name: str
    rules: tuple[str, ...]
    codes: tuple[str, ...]
    causes: tuple[str, ...]
    actions: tuple[str, ...]


KINDS = (
    Kind(
        "fall", ("R03", "R03b", "R04"), ("4.1",),
        ("fall_no_injury", "fall_injury", "acute_illness", "accidental", "no_finding", "technical"),
        ("helped_up", "visit", "called_113", "doctor", "relative", "none"),
    ),
    Kind(
        "medication", ("R22", "R23", "R24", "R25", "R26", "R27", "R28", "R57"), ("1",),
        ("medication", "technical", "accidental", "acute_illness", "planned_visit", "no_finding"),
        ("dose_given", "dose_confirmed", "dose_skipped", "medication", "visit", "technician"),
    ),
    Kind(
        "fire", ("R29", "R31"), ("4.11",),
        ("fire", "accidental", "technical", "no_finding", "test", "other"),
        ("called_110", "visit", "talked", "technician", "relative", "none"),
    ),
    Kind(
        "wandering", ("R10", "R11", "R12", "R13", "R14", "R15"), ("2", "4.12", "4.15", "4.16", "4.21"),
        ("wandering", "accidental", "anxious", "planned_visit", "technical", "no_finding"),
        ("visit", "relative", "called_112", "talked", "care", "none"),
    ),
    Kind(
        "illness", ("R32", "R44", "R45", "R46", "R47"), ("4.24", "5"),
        ("acute_illness", "no_finding", "medication", "anxious", "technical", "other"),
        ("visit", "called_113", "doctor", "talked", "medication", "none"),
    ),
    Kind(
        "staff", ("R53",), (),
        ("other", "accidental", "anxious", "acute_illness", "test", "technical"),
        ("called_112", "visit", "called_113", "talked", "none", "other"),
    ),
    Kind(
        "technical", ("R34", "R36", "R37", "R38", "R39", "R40", "R41", "R42", "R43", "R48", "R52", "R54", "R55", "R60"),
        ("6",),
        ("technical", "no_finding", "accidental", "test", "planned_visit", "other"),
        ("technician", "visit", "talked", "relative", "none", "other"),
    ),
    Kind(
        "night", ("R05", "R06", "R07", "R08", "R09", "R16", "R17", "R18", "R19", "R20", "R33"), ("4.2", "4.3", "4.4"),
        ("toilet", "practical_help", "fall_no_injury", "anxious", "no_finding", "accidental"),
        ("care", "visit", "talked", "helped_up", "none", "relative"),
    ),
    Kind(
        "call", ("R01", "R02", "R30", "R35", "R51", "R56", "R58", "R59"), ("3", "4.13", "4.14", "4.22", "7"),
        ("practical_help", "toilet", "anxious", "accidental", "fall_no_injury", "acute_illness"),
        ("visit", "talked", "care", "helped_up", "called_113", "none"),
    ),
)  # fmt: skip
"""The first that fits is an alert's kind; what fits none is offered every code in the usual order."""


def kind_of(rule: str, code: str) -> Kind | None:
    """The kind of an alert: by its rule (R44b is R44), else by its VKP code."""
    family = rule[:3] if rule[:3] in {name for kind in KINDS for name in kind.rules} else rule
    found = next((kind for kind in KINDS if rule in kind.rules or family in kind.rules), None)
    return found or next(
        (kind for kind in KINDS if any(code == c or code.startswith(f"{c}.") for c in kind.codes)), None
    )


def offered(rule: str, code: str, last: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Field → codes in the order to offer them: chosen lately (`last`, newest or commonest first), of this kind, the
    rest. Only known codes; each once.
    """
    kind = kind_of(rule, code)
    likely = {"cause": kind.causes if kind else (), "action": kind.actions if kind else ()}
    found = {}
    for field, codes in FIELDS.items():
        recent = [one for one in last.get(field, ()) if one in codes]
        found[field] = list(dict.fromkeys((*recent, *likely.get(field, ()), *codes)))
    return found
