"""Words to codes: the catalogues of `api/words/`, one TOML file per language with the same keys.

Pure after loading. A text may hold fields with a format of their own, so that a reason carries numbers and codes
only and each language puts them where it needs them:

    {since_ms:clock}   wall clock of an instant          {for_ms:span}    a length of time
    {due_ms:ago}       24 min, over an hour the clock    {at_ms:seconds}  wall clock with seconds
    {value:number}     one decimal, the language's way   {room:room}      another text: key "room.<value>"
    {limit:limit}      a value of the rule book ("35 min", "22:00-06:00") as it came

A missing key never breaks a page: the code itself is shown, and `missing` counts it for the tests.
"""

from __future__ import annotations

import functools
import string
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from api.board import format as fmt

LANGUAGES = ("nb", "en")
CATALOGUES = Path(__file__).resolve().parent.parent / "words"

_PLAIN = frozenset({"", "limit", "text"})


def flatten(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested tables to dotted keys. Raises ValueError on anything that is not text."""
    flat: dict[str, str] = {}
    for key, value in table.items():
        path = f"{prefix}{key}"
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{path}."))
        elif isinstance(value, str):
            flat[path] = value
        else:
            raise ValueError(f"words: {path} is no text")
    return flat


@functools.cache
def catalogue(lang: str) -> Mapping[str, str]:
    """All texts of one language by key; read from disk once per process."""
    return flatten(tomllib.loads((CATALOGUES / f"{lang}.toml").read_text("utf-8")))


class _Fields(string.Formatter):
    """str.format with our own formats, deaf to attributes and indexes so that arguments stay plain values."""

    def __init__(self, words: Words) -> None:
        self._words = words

    def get_field(self, field_name: str, args: Any, kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        return kwargs.get(field_name), field_name

    def format_field(self, value: Any, format_spec: str) -> str:
        return self._words.put(value, format_spec)


class Words:
    """One language at one instant on one site's clock. Made per request; call it with a key and arguments."""

    def __init__(
        self, lang: str, now_ms: int, local: fmt.LocalClock, more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """`more`: texts of the site's own, such as names of its rules, where the catalogue has none."""
        self.lang = lang if lang in LANGUAGES else LANGUAGES[0]
        self.now_ms = now_ms
        self.local = local
        self._texts = {**more, **catalogue(self.lang)} if more else catalogue(self.lang)
        self._fields = _Fields(self)

    def has(self, key: str) -> bool:
        return key in self._texts

    def __call__(self, key: str, /, **args: Any) -> str:
        """The text; with an argument `n` of 1, the text of `<key>_one` where there is one. Unknown: the key's end."""
        if args.get("n") == 1 and f"{key}_one" in self._texts:
            key = f"{key}_one"
        text = self._texts.get(key)
        if text is None:
            return self._stand_in(key, args)
        return self._fields.vformat(text, (), args) if "{" in text else text

    def complete(self, key: str, args: Mapping[str, Any]) -> bool:
        """Whether there is such a text and everything it wants to say is known."""
        fields = (name for _, name, _, _ in self._fields.parse(self._texts.get(key, "")))
        return key in self._texts and all(args.get(name) is not None for name in fields if name)

    def first(self, *keys: str, **args: Any) -> str:
        """The text of the first key there is, else as for the last one."""
        for key in keys:
            if key in self._texts:
                return self(key, **args)
        return self(keys[-1], **args)

    def code(self, group: str, value: object) -> str:
        """The word for one code of a closed or open list (or for several); an unknown code is shown as it is."""
        if isinstance(value, list | tuple):
            return ", ".join(self.code(group, one) for one in value)
        return "" if value is None or value == "" else self(f"{group}.{value}")

    def put(self, value: Any, spec: str) -> str:
        """One value in one of the formats of this module's docstring. None becomes "?"."""
        if value is None:
            return "?"
        if spec in _PLAIN:
            return self._plain(value)
        if spec in {"clock", "ago", "seconds", "at", "day"}:
            return self._instant(value, spec)
        if spec == "span" and isinstance(value, int | float):
            return fmt.exact_span(int(value), self.lang)
        if spec == "number" and isinstance(value, int | float):
            return fmt.number(value, self.lang)
        if spec == "date":
            return fmt.plain_date(str(value), self.lang)
        return self.code(spec, value)

    def _plain(self, value: Any) -> str:
        if isinstance(value, float):
            return fmt.number(value, self.lang)
        if isinstance(value, list | tuple):
            return ", ".join(self._plain(item) for item in value)
        return str(value)

    def _instant(self, value: Any, spec: str) -> str:
        try:
            at_ms = fmt.to_ms(value)
        except ValueError:
            at_ms = None
        if at_ms is None:
            return str(value)
        if spec == "ago":
            return fmt.ago(at_ms, self.now_ms, self.local, self.lang)
        if spec == "at":
            return fmt.at_clock(at_ms, self.now_ms, self.local, self.lang)
        if spec == "day":
            return fmt.date(self.local(at_ms), self.lang)
        return fmt.clock(at_ms, self.now_ms, self.local, self.lang, seconds=spec == "seconds")

    def _stand_in(self, key: str, args: Mapping[str, Any]) -> str:
        tail = key.split(".", 1)[-1].replace("_", " ")
        if not args:
            return tail
        facts = ", ".join(f"{name.removesuffix('_ms')} {self._guess(name, value)}" for name, value in args.items())
        return f"{tail} ({facts})"

    def _guess(self, name: str, value: Any) -> str:
        if name.endswith(("_ms", "_at")) and isinstance(value, int) and value > fmt.DAY_MS * 365:
            return self.put(value, "seconds")
        if name.endswith("_ms") and isinstance(value, int):
            return self.put(value, "span")
        return self._plain(value) if value is not None else "–"
