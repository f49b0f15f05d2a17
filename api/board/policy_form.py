"""Pure: the form of a policy. What a browser sent as fields, fields as the value that the desk judges, and back.

Nothing is judged here: what cannot be read (a time, a name) goes to the desk as it was written, which says what is
wrong with it (`alerts/routing/policies.py`), and `places` says beside which field that stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from alerts.routing.policies import STEPS_MAX, US
from ingest.quantities import format_duration, parse_duration_ms

CENTRE = "centre"
GROUPS = ("1", "2", "3", "4", "5", "6", "7")  # of VKP codes
NAME_MAX = 48
_MINUTES = re.compile(r"(\d{1,5})(?:[.,](\d{1,2}))?")
_CLOCK = re.compile(r"(\d{1,2})(?:[:.]?([0-5]\d))?")
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "å": "a", "ä": "a", "ö": "o", "é": "e"})
_NEW: dict[str, Any] = {
    "priorities": ["P1"],
    "steps": [
        {"after": "0 s", "tell": ["1"]}, {"after": "2 min", "tell": ["1", "2"]},
        {"after": "5 min", "tell": ["all", "fallback"]},
    ],
    "repeat": "2 min",
}  # fmt: skip
"""What a new one begins with: carers on foot."""

Fields = dict[str, Any]


class Sent(Protocol):
    """Fields of a form, some of them more than once."""

    def get(self, key: str, /) -> Any: ...
    def getlist(self, key: str, /) -> list[Any]: ...


def fields_of(policy: Mapping[str, Any] | None, comma: str) -> Fields:
    """The form of a policy as people write it; of a new one for None. `comma`: the language's decimal mark."""
    value = _NEW if policy is None else policy
    start, _, end = str(value.get("hours") or "").partition("-")
    owner, codes = str(value.get("owner") or US), [str(code) for code in value.get("codes") or ()]
    return {
        "was": "" if policy is None else policy["id"], "version": str(value.get("version") or ""),
        "name": "" if policy is None else policy["id"], "ward": value.get("ward") or "",
        "resident": value.get("resident") or "", "from": start, "until": end,
        "priorities": list(value.get("priorities") or ()), "rules": list(value.get("rules") or ()),
        "groups": [code for code in codes if code in GROUPS],
        "codes": ", ".join(code for code in codes if code not in GROUPS),
        "owner": US if owner == US else CENTRE, "centre": "" if owner == US else owner,
        "rings": value.get("rings") or "any_hour", "two": bool(value.get("two")), "why": value.get("why") or "",
        "repeat": _shown(value["repeat"], comma), "at": "",
        "steps": [{"after": _shown(one["after"], comma), "tell": list(one["tell"])} for one in value["steps"]],
    }  # fmt: skip


def read(sent: Sent) -> Fields:
    """What a browser sent: text only, lists bounded by the desk's own limits."""
    count = str(sent.get("steps") or "1")
    places = range(min(int(count), STEPS_MAX) if count.isdecimal() and len(count) < 4 else 1)
    one = ("was", "version", "name", "ward", "resident", "from", "until", "codes", "owner", "centre", "rings", "why")
    fields: Fields = {name: _text(sent.get(name)) for name in (*one, "repeat")}
    many = {"priorities": "priority", "rules": "rule", "groups": "group"}
    fields |= {name: _texts(sent.getlist(field)) for name, field in many.items()}
    steps = [
        {"after": _text(sent.get(f"after_{n}")), "tell": _texts(sent.getlist(f"tell_{n}"))} for n in places
    ]  # fmt: skip
    return fields | {"two": sent.get("two") == "1", "steps": steps, "at": ""}


def changed(fields: Fields, do: str) -> Fields:
    """The form with a step more before the last ("add"), or one of them less ("drop-1"); `at`: where to go on."""
    steps = list(fields["steps"])
    word, _, number = do.partition("-")
    at = ""
    if word == "add" and len(steps) < STEPS_MAX:
        at = f"after-{len(steps) - 1}"
        steps.insert(len(steps) - 1, {"after": "", "tell": []})
    elif word == "drop" and number.isdecimal() and len(number) < 4 and int(number) < len(steps) - 1:
        at = "add"
        del steps[int(number)]
    return fields | {"steps": steps, "at": at}


def value_of(fields: Fields) -> dict[str, Any]:
    """The policy as the API takes it."""
    hours = f"{_clock(fields['from'])}-{_clock(fields['until'])}" if fields["from"] or fields["until"] else None
    named = {"ward": fields["ward"], "resident": fields["resident"], "hours": hours, "why": fields["why"]}
    return {name: value for name, value in named.items() if value} | {
        "rules": fields["rules"],
        "codes": [*fields["groups"], *re.findall(r"[^\s,;]+", fields["codes"])],
        "priorities": fields["priorities"],
        "rings": fields["rings"],
        "steps": [{"after": _duration(step["after"]), "tell": step["tell"]} for step in fields["steps"]],
        "repeat": _duration(fields["repeat"]),
        "two": fields["two"],
        "owner": US if fields["owner"] == US else name_as_id(fields["centre"]),
    }


def name_as_id(name: str) -> str:
    """ "Netter på Åsen" -> "netter-pa-asen"; what is an id already stays."""
    text = name.strip()
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", text):
        return text[:NAME_MAX]
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower().translate(_LETTERS))
    return plain.strip("-")[:NAME_MAX].strip("-")


def places(errors: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    """Sentences by the field that they stand beside: "steps[0].tell[1]" -> "tell-0"; "" is the form as a whole."""
    found: dict[str, list[str]] = {}
    for one in errors:
        step = re.match(r"steps\[(\d+)\](?:\.(after|tell))?", one["field"])
        field = re.split(r"[.\[]", one["field"])[0]
        place = f"{step[2] or 'after'}-{step[1]}" if step else {"id": "name", "version": ""}.get(field, field)
        found.setdefault(place, []).append(one["message"])
    return found


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _texts(values: Iterable[object]) -> list[str]:
    return list(dict.fromkeys(text for value in values if (text := _text(value))))


def _clock(text: str) -> str:
    """ "22", "22.30" and "0730" as clocks; anything else as it is."""
    found = _CLOCK.fullmatch(text)
    return f"{int(found[1]):02d}:{found[2] or '00'}" if found else text


def _duration(text: str) -> str:
    """Minutes, "1,5", as a duration; anything else ("20 s") as it is."""
    found = _MINUTES.fullmatch(text)
    if found is None:
        return text
    hundredths = int(found[1]) * 100 + int((found[2] or "0").ljust(2, "0"))
    return format_duration(hundredths * 600)


def _shown(duration: str, comma: str) -> str:
    """A duration in minutes, where that can be written with two decimals."""
    ms = parse_duration_ms(duration)
    if ms % 600:
        return duration
    whole, hundredths = divmod(ms // 600, 100)
    return f"{whole}{comma}{hundredths:02d}".rstrip("0").rstrip(comma) if hundredths else str(whole)
