"""The rule book: what is in force for the site or for one person, and what rules on trial would have told."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from api.http.auth import Caller, purpose, services_of, signed_in
from api.http.openapi import problems
from api.http.paging import Cursor, Limit, page
from api.http.problems import Problem
from api.http.reads import note_read
from api.http.services import Services
from api.http.wards import guarded_router, scope_of
from api.person_rules import rules_of
from api.running.shadow import shadow_page

router = guarded_router(prefix="/api/v1/rules", tags=["rules"])

SignedIn = Annotated[Caller, Depends(signed_in)]
Why = Annotated[str, Depends(purpose)]
RuleId = Annotated[str, Path(max_length=64)]
Resident = Annotated[
    str | None, Query(max_length=64, description="As it is for this person; a read of them, and for carers.")
]


@router.get("", summary="The rules in force", responses=problems(401, 403, 404))
def rules(request: Request, caller: SignedIn, why: Why, resident: Resident = None) -> dict[str, Any]:
    """Every rule of the book in its order: `name` in both languages, `family`, `kind`, what it listens to (`events`,
    `roles`), `version` (a hash of it and its parameters), `on`, and `parameters` as people write them, with their unit
    and whose word each is (`from`: book, site). `wards` has what a ward says otherwise, `trial` the values on trial.

    With `resident` the values are that person's (`from`: also ward and plan), and `standing` says how the rule stands
    for them: `on`, `off`, `lacks` (devices that it `needs`, named in `lacks`), `no_measure` (nothing decided lets it
    watch) or `paused`; `until` when that ends by itself.
    """
    return {"items": _rules(services_of(request), caller, why, resident), "next": None}


@router.get("/{rule_id}", summary="One rule", responses=problems(401, 403, 404))
def rule(request: Request, rule_id: RuleId, caller: SignedIn, why: Why, resident: Resident = None) -> dict[str, Any]:
    """The same of one rule."""
    found = [one for one in _rules(services_of(request), caller, why, resident) if one["id"] == rule_id]
    if not found:
        raise Problem("not-found", "rule_id")
    return found[0]


@router.get("/{rule_id}/shadow", summary="What a rule on trial would have told", responses=problems(400, 401, 403, 404))
def shadow(
    request: Request, rule_id: RuleId, caller: SignedIn, why: Why, cursor: Cursor = None, limit: Limit = 50,
    subject: Annotated[str | None, Query(max_length=300, description="Only about whom; a read of them.")] = None,
) -> dict[str, Any]:  # fmt: skip
    """Newest first, of the caller's wards; where others were left out a page is shorter than `limit`. Pseudonyms and
    codes only. Nobody was told of any of it. Kept for 90 days, also of trials that are over.
    """
    services = services_of(request)
    if services.rule_book.rule(rule_id) is None:
        raise Problem("not-found", "rule_id")
    if subject is not None:
        note_read(services, caller, "shadow", subject, why)
    return page(lambda: shadow_page(services, scope_of(request), rule_id, limit, cursor=cursor, subject=subject))


def _rules(services: Services, caller: Caller, why: str, resident: str | None) -> list[dict[str, Any]]:
    """The site's, or those of one person, after writing down that somebody looks."""
    if resident is None:
        return services.rule_book.rules()
    if "carer" not in caller.account.roles:
        raise Problem("wrong-role", "resident")
    found = rules_of(services.settings_store, resident, services.clock())
    if found is None:
        raise Problem("unknown-resident", "resident")
    note_read(services, caller, "rules", resident, why)
    return found
