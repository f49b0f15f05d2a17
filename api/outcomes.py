"""What may be written down about an alert, in both languages, the likeliest first: for the API and the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from alerts.database import Database
from alerts.handling.outcome_codes import FIELDS, kind_of, offered
from alerts.reads import queries
from api.board.words import LANGUAGES, catalogue

LAST_FROM = 200  # closed alerts looked at for "the last choices first"
LAST_MAX = 5


def last_choices(db: Database, rule: str, code: str, wards: Collection[str] | None) -> dict[str, list[str]]:
    """What was chosen lately for alerts of this kind, the commonest first."""
    kind = kind_of(rule, code)
    recent = queries.alerts(db, state="closed", wards=wards, limit=LAST_FROM)["items"]
    alike = [one for one in recent if kind_of(one["rule"], one["code"]) == kind]
    counted = {name: Counter(one.get(f"{name}_code") for one in alike) for name in FIELDS}
    return {name: [code for code, _ in counter.most_common(LAST_MAX) if code] for name, counter in counted.items()}


def codes_of(alert: Mapping[str, Any], last: Mapping[str, Sequence[str]]) -> dict[str, list[dict[str, str]]]:
    """Field → [{"code", "nb", "en"}] in the order to offer them."""
    texts = {language: catalogue(language) for language in LANGUAGES}
    return {
        field: [
            {"code": code, **{language: texts[language].get(f"{field}.{code}", code) for language in LANGUAGES}}
            for code in codes
        ]
        for field, codes in offered(alert["rule"], alert["code"], last).items()
    }
