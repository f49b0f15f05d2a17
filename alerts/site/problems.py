"""What is wrong with something that a person wrote, in words that say how to mend it. Pure.

One shape for site files, the API and the pages: a code with arguments for those who put it into other words, and an
English sentence for the command line. A sentence never holds more than 60 characters of what was written.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

PROBLEMS_MAX = 50


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing to mend. `field` as people write it ("devices[2].gateway"), "" where it concerns the whole."""

    code: str
    field: str
    message: str
    line: int | None = None
    nearest: str | None = None  # the word that was perhaps meant
    args: dict[str, Any] = {}  # what the code speaks of, for those who put it into other words; units last


def nearest(word: object, choices: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The choice most like `word`, or None when none is near."""
    found = difflib.get_close_matches(str(word)[:200], list(choices), 1, cutoff)
    return found[0] if found else None


def shown(value: object) -> str:
    """A value as it may stand in a message: short, on one line, and never more than its kind for lists and objects."""
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if value is None:
        return "nothing"
    if isinstance(value, bool | int | float):
        return str(value).lower()[:60]
    return "a list" if isinstance(value, list | tuple | set) else "an object"


def meant(choices: Collection[str], word: object) -> tuple[str, str | None]:
    """How to end a sentence about a wrong word: what it should have been."""
    near = nearest(word, choices)
    if near is not None:
        return f"did you mean {near}?", near
    if len(choices) == 1:
        return f"there is only {next(iter(choices))}", None
    return "it is one of " + ", ".join(sorted(choices)[:12]) + (", …" if len(choices) > 12 else ""), None


def wrong(
    code: str, message: str, field: str | None = None, near: str | None = None, args: Mapping[str, Any] | None = None
) -> PydanticCustomError:
    """An error for a validator to raise; `field` where a rule about several fields points at one of them."""
    # the sentence goes in as an argument: pydantic reads braces in a template as places for arguments
    return PydanticCustomError(code, "{said}", {"said": message, "field": field, "near": near, "args": args})


# pydantic's type of error -> code, what is wrong ({name}: its arguments), how to mend it
_SENTENCES = {
    "missing": ("missing", "is missing", ""),
    "string_type": ("not_text", "must be text", "; put it in quotes"),
    "string_too_long": ("too_long", "is longer than {max_length} characters", ""),
    "string_too_short": ("empty", "must not be empty", ""),
    "string_unicode": ("not_text", "is not valid text", ""),
    "bool_type": ("not_bool", "must be true or false", ""),
    "int_type": ("not_number", "must be a whole number", ""),
    "greater_than_equal": ("too_small", "must be at least {ge}", ""),
    "less_than_equal": ("too_large", "must be at most {le}", ""),
    "list_type": ("not_list", "must be a list", ", such as [a, b]"),
    "tuple_type": ("not_list", "must be a list", ", such as [a, b]"),
    "too_short": ("empty", "must have at least {min_length}", ""),
    "too_long": ("too_long", "has more than {max_length} entries", ""),
    "dict_type": ("not_object", "must be an object", ", such as {for: 35 min}"),
    "model_type": ("not_object", "must be an object with named fields", ""),
}
_TYPES = ("not_text", "not_bool", "not_number", "not_list", "not_object")  # where it helps to say what was found


def problems_of(error: ValidationError, known: Collection[str]) -> list[Problem]:
    """Findings of pydantic in our words. `known`: the field names the item has, as people write them."""
    problems = [_problem(item, known) for item in error.errors(include_url=False)[:PROBLEMS_MAX]]
    misspelt = {(problem.nearest, "missing") for problem in problems if problem.code == "unknown_key"}
    emptied = {(problem.field.partition("[")[0], "empty") for problem in problems if "[" in problem.field}
    return [problem for problem in problems if (problem.field, problem.code) not in misspelt | emptied]


def _problem(item: ErrorDetails, known: Collection[str]) -> Problem:
    context = item.get("ctx") or {}
    field = str(context.get("field") or path(item["loc"]))
    kind, value = item["type"], item.get("input")
    if kind == "extra_forbidden":
        sentence, near = meant(known, item["loc"][-1])
        return Problem("unknown_key", field, f"unknown key; {sentence}", nearest=near)
    if kind == "literal_error":
        words = [word.strip("'") for word in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        sentence, near = meant(words, value)
        return Problem("unknown_word", field, f"{shown(value)} is not known here; {sentence}", nearest=near)
    if kind in _SENTENCES:
        code, what, remedy = _SENTENCES[kind]
        found = f", not {shown(value)}" if code in _TYPES else ""
        remedy = "" if code == "not_text" and isinstance(value, list | dict) else remedy
        return Problem(code, field, what.format(**context) + found + remedy)
    near = context.get("near")
    said = dict(context.get("args") or {})
    return Problem(kind, field, item["msg"], nearest=near if isinstance(near, str) else None, args=said)


def path(location: Iterable[int | str]) -> str:
    """("risks", 1) -> "risks[1]"."""
    text = ""
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part != "[key]":
            text += f".{str(part)[:60]}" if text else str(part)[:60]
    return text
