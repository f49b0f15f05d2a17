"""The values that people write in one field, checked: ids, days, durations, telephone numbers, addresses, words. Pure.

Each is a pydantic annotation whose error says how to mend it. What an item consists of: `alerts/site/model.py`.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from alerts.site.problems import meant, nearest, shown, wrong
from alerts.site.words import CONVENTIONS, RISKS, near_miss
from ingest.quantities import format_duration, format_window, parse_duration_ms, parse_window
from rules.book_check import all_parameters
from rules.local_time import UnknownZone, zone
from rules.parameters import Written, parse_parameter

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}")
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{1,30}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_ADDRESS = re.compile(r"([a-z][a-z0-9_-]*):(.+)")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
ZONES = ("Europe/Oslo", "Europe/Stockholm", "Europe/Copenhagen", "Europe/Helsinki", "Arctic/Longyearbyen", "UTC")
_DEV_EUI = re.compile(r"(gateway/)?[0-9a-f]{16}")  # a LoRaWAN gateway is one more address


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise wrong("bad_id", f"{shown(text)} is no id; write 1 to 48 letters a-z, digits, '.', '_' and '-'")
    return text


def _plain(text: str) -> str:
    if _CONTROL.search(text):
        raise wrong("control_character", "holds a line break or control character; write it on one line")
    return text


def _day(text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise wrong("bad_day", f"{shown(text)} is not a day; write it as 2026-12-31") from error
    if len(text) != 10 or not 1880 <= day.year <= 2200:
        raise wrong("bad_day", f"{shown(text)} is not a day between 1880 and 2200; write it as 2026-12-31")
    return text


def _phone(text: str) -> str:
    if not _PHONE.fullmatch(text):
        raise wrong("bad_phone", f'{shown(text)} is not a telephone number; write it in quotes, such as "+4799999999"')
    return text


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise wrong("bad_email", f"{shown(text)} is not an e-mail address")
    return text


def _duration(value: object) -> object:
    if not isinstance(value, str):
        raise wrong("bad_duration", f"{shown(value)} is not a duration; write a number and s, min, h or d: 30 min")
    try:
        duration_ms = parse_duration_ms(value)
    except ValueError as error:
        raise wrong("bad_duration", str(error)[:200]) from error
    if duration_ms <= 0:
        raise wrong("bad_duration", "must be longer than 0")
    return duration_ms


def _hours(text: str) -> str:
    try:
        return format_window(parse_window(text))
    except ValueError as error:
        raise wrong("bad_hours", f"{shown(text)} is no time of day; write it in quotes as 08:00-22:00") from error


def _address(text: str) -> str:
    match = _ADDRESS.fullmatch(_plain(text))
    if match is None:
        raise wrong(
            "bad_address", f"{shown(text)} is no address; write <convention>:<device>: vardevakt:gw-1/pendant-7"
        )
    near = near_miss(match[1], CONVENTIONS)
    if near is not None:
        raise wrong("unknown_word", f"unknown convention {match[1]}; did you mean {near}?", near=near)
    if match[1] == "chirpstack" and not _DEV_EUI.fullmatch(match[2]):
        raise wrong("bad_address", f"{shown(match[2])} is no DevEUI; write 16 digits 0-9 a-f in lower case")
    return text


def word(known: tuple[str, ...]) -> Any:
    """An open list: other words are welcome, unless they look like a misspelling of a known one."""

    def check(text: str) -> str:
        near = near_miss(text, known)
        if near is not None:
            raise wrong("unknown_word", f"{shown(text)} is not known; did you mean {near}?", near=near)
        if not re.fullmatch(r"[a-z][a-z0-9_]*", text):
            raise wrong("bad_word", f"{shown(text)} is no word of this list; write lower-case letters, digits and '_'")
        return text

    return AfterValidator(check)


def _timezone(text: str) -> str:
    try:
        zone(text)
    except UnknownZone as error:
        near = nearest(text, ZONES) or ZONES[0]
        raise wrong("unknown_word", f"unknown time zone {shown(text)}; did you mean {near}?", near=near) from error
    return text


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def _all(value: object) -> object:
    return () if value == "all" else _tuple(value)


def _parameters(values: dict[str, Written]) -> dict[str, Written]:
    if not values:
        raise wrong("empty", "sets nothing; write what differs from the book, such as set: {for: 35 min}")
    known = all_parameters()
    for name, written in values.items():
        if name not in known:
            sentence, near = meant(tuple(known), name)
            raise wrong("unknown_key", f"unknown parameter {shown(name)}; {sentence}", f"set.{name[:60]}", near)
        try:
            parse_parameter(known[name], written)
        except ValueError as error:
            raise wrong("bad_parameter", str(error)[:200], f"set.{name}") from error
    return values


Id = Annotated[str, AfterValidator(_id)]
Label = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_plain)]
Day = Annotated[str, AfterValidator(_day)]
Phone = Annotated[str, AfterValidator(_phone)]
Email = Annotated[str, Field(max_length=200), AfterValidator(_email)]
Timezone = Annotated[str, Field(max_length=64), AfterValidator(_timezone)]
Duration = Annotated[int, BeforeValidator(_duration), PlainSerializer(format_duration, when_used="json")]
Hours = Annotated[str, AfterValidator(_hours)]
Address = Annotated[str, Field(max_length=200), AfterValidator(_address)]
Words = Annotated[
    tuple[Annotated[str, Field(max_length=64), word(RISKS)], ...], Field(max_length=20), BeforeValidator(_tuple)
]
Ids = Annotated[tuple[Id, ...], Field(max_length=50), BeforeValidator(_tuple)]
Texts = Annotated[tuple[Annotated[str, Field(max_length=64)], ...], Field(max_length=60), BeforeValidator(_all)]
Parameters = Annotated[
    dict[str, Annotated[str, Field(max_length=200)] | int | float | bool],
    Field(max_length=20),
    AfterValidator(_parameters),
]
