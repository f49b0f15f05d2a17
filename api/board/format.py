"""How the board writes times, ages and numbers, in both languages.

Pure: `now_ms` and the local clock are arguments. Rules of the house: relative under 60 minutes, else the clock;
another day gets its date ("man. 23. nov."); numbers in the language's own way.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from babel.dates import format_date
from babel.numbers import format_decimal

LocalClock = Callable[[int], datetime]
"""Milliseconds UTC to the site's wall clock, as a naive datetime. Made by `api.board.place` from rules.local_time."""

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
FAR_MS = 180 * DAY_MS  # beyond this a date says its year

_DATE_PATTERN = {"nb": "EEE d. MMM", "en": "EEE d MMM"}
_LONG_PATTERN = {"nb": "d. MMMM y", "en": "d MMMM y"}
_AT = {"nb": "kl. ", "en": "at "}
_HOUR = {"nb": "t", "en": "h"}
_DAYS = {"nb": ("døgn", "døgn"), "en": ("day", "days")}


def to_ms(text: str | int | None) -> int | None:
    """RFC 3339 text (as the API writes it) or milliseconds, to milliseconds UTC. None stays None.

    Raises ValueError on text that is no time.
    """
    if text is None or isinstance(text, int):
        return text
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        parsed = parsed.replace(tzinfo=UTC)
    return round(parsed.timestamp() * 1_000)


def to_z(ms: int) -> str:
    """Milliseconds to RFC 3339 with Z, for `datetime` attributes."""
    return datetime.fromtimestamp(ms / 1_000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def running(ms: int) -> str:
    """A running time as minutes and seconds, "00:42"; never negative. Callers change to the clock at 60 min."""
    seconds = max(0, ms) // SECOND_MS
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


def span(ms: int, lang: str) -> str:
    """A length of time in words: "42 s", "36 min", "3 t 5 min", "2 døgn 4 t". Rounded down, never negative."""
    seconds = max(0, ms) // SECOND_MS
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} {_HOUR[lang]} {rest} min" if rest else f"{hours} {_HOUR[lang]}"
    days, rest = divmod(hours, 24)
    word = _DAYS[lang][days != 1]
    return f"{days} {word} {rest} {_HOUR[lang]}" if rest else f"{days} {word}"


def exact_span(ms: int, lang: str) -> str:
    """As `span`, with the seconds kept below an hour where there are any: "4 min 20 s". For explanations."""
    seconds = max(0, ms) // SECOND_MS
    if 60 <= seconds < 3_600 and seconds % 60:
        return f"{seconds // 60} min {seconds % 60} s"
    return span(ms, lang)


def date(local: datetime, lang: str) -> str:
    """ "man. 23. nov.", "Mon 23 Nov"."""
    return format_date(local, _DATE_PATTERN[lang], locale=lang)


def long_date(local: datetime, lang: str) -> str:
    """ "23. november 2026", "23 November 2026"."""
    return format_date(local, _LONG_PATTERN[lang], locale=lang)


def plain_date(text: str | None, lang: str) -> str:
    """A date of a site file ("2026-06-01") as people read it; what is no date stays as it came."""
    if not text:
        return ""
    try:
        return long_date(datetime.fromisoformat(text), lang)
    except ValueError:
        return text


def clock(ms: int, now_ms: int, local: LocalClock, lang: str, *, seconds: bool = False) -> str:
    """Wall clock of that instant, with its date when that is not today: "02:14", "man. 23. nov. 02:14"."""
    then = local(ms)
    time = then.strftime("%H:%M:%S" if seconds else "%H:%M")
    if then.date() == local(now_ms).date():
        return time
    far = abs(ms - now_ms) > FAR_MS
    return f"{date(then, lang)} {then.year} {time}" if far else f"{date(then, lang)} {time}"


def at_clock(ms: int, now_ms: int, local: LocalClock, lang: str) -> str:
    """As `clock`, led by "kl." or "at" so that it cannot be read as a running time."""
    then = local(ms)
    if then.date() == local(now_ms).date():
        return f"{_AT[lang]}{then:%H:%M}"
    return clock(ms, now_ms, local, lang)


def ago(ms: int, now_ms: int, local: LocalClock, lang: str) -> str:
    """When something was: "24 min" ago under an hour, else the clock."""
    age = now_ms - ms
    return span(age, lang) if age < HOUR_MS else at_clock(ms, now_ms, local, lang)


def waiting(ms: int, now_ms: int, local: LocalClock, lang: str) -> str:
    """How long a card has stood: counts up "00:42" under an hour, else the clock it began."""
    age = now_ms - ms
    return running(age) if age < HOUR_MS else at_clock(ms, now_ms, local, lang)


def number(value: float, lang: str, digits: int = 1) -> str:
    """At most `digits` decimals, in the language's own way: "36,5", "36.5"."""
    pattern = "#,##0." + "#" * digits if digits else "#,##0"
    return format_decimal(value, pattern, locale=lang)


def years_old(born: str | None, today: datetime) -> int | None:
    """Age in whole years of someone born on "1938-04-02"; None when unknown or unreadable."""
    try:
        day = datetime.fromisoformat(born or "")
    except ValueError:
        return None
    return today.year - day.year - ((today.month, today.day) < (day.month, day.day))


def short_name(name: str) -> str:
    """For queue and wall: first name and the initial of the last, "Kari N."."""
    parts = name.split()
    return name if len(parts) < 2 else f"{parts[0]} {parts[-1][0]}."
