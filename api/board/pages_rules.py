"""Edge: the rule book, for those who keep the service running and for nurses: every rule with what is in force where,
the same for one person with whose word each value is, and what a rule on trial would have told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request
from starlette.responses import Response

from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.board.rule_view import rule_row, rule_view, trial_row
from api.http.auth import Caller, signed_in
from api.http.problems import Problem
from api.http.wards import guarded_router

router = guarded_router(route_class=PageRoute, include_in_schema=False)

SignedIn = Annotated[Caller, Depends(signed_in)]
Resident = Annotated[str | None, Query(max_length=64)]
FAMILIES = (
    "alarms", "bed", "activity", "doors", "medication", "surroundings", "measurements", "devices", "own",
)  # fmt: skip
TRIALS_SHOWN = 50


@router.get("/rules")
def rules_page(request: Request, caller: SignedIn, resident: Resident = None) -> Response:
    """The book by family: what is on, where it differs, and for one person how each rule stands for them."""
    page = Page(request, board_reads.reads_of(request), caller)
    wards = page.reads.wards()
    rows = [(rule["family"], rule_row(rule, page.words, wards)) for rule in _rules(page, caller, resident)]
    families = [
        {
            "id": name,
            "name": page.words(f"rule_family.{name}"),
            "rules": [row for family, row in rows if family == name],
        }
        for name in FAMILIES
    ]
    shown = [family for family in families if family["rules"]]
    trials = [row for _, row in rows if row["tried"]]
    return page.render("rules.html", families=shown, trials=trials, **_person(page, resident))


@router.get("/rules/{rule_id}")
def rule_page(
    request: Request, rule_id: Annotated[str, Path(max_length=64)], caller: SignedIn, resident: Resident = None
) -> Response:
    """One rule whole; on trial, also what it would have told."""
    page = Page(request, board_reads.reads_of(request), caller)
    rule = next((one for one in _rules(page, caller, resident) if one["id"] == rule_id), None)
    if rule is None:
        raise Problem("not-found", "rule_id")
    told = page.reads.trials(rule_id, resident, TRIALS_SHOWN, caller)
    people = page.reads.trial_names(told, caller)
    return page.render(
        "rule.html",
        rule=rule_view(rule, page.words, page.reads.wards()),
        trials=[trial_row(one, page.words, people) for one in told],
        **_person(page, resident),
    )


def _rules(page: Page, caller: Caller, resident: str | None) -> list[dict[str, Any]]:
    if resident is None:
        return page.reads.rules()
    if not page.has_role("carer"):
        raise Problem("wrong-role", "resident")
    found = page.reads.rules_of(resident, caller)
    if found is None:
        raise Problem("unknown-resident", "resident")
    return found


def _person(page: Page, resident: str | None) -> Mapping[str, Any]:
    """Whose rules these are, and what links carry on; a person's read is logged by then."""
    card = page.reads.resident_card(resident)
    return {"person": None if card is None else {"id": card["id"], "name": card["name"]}}
