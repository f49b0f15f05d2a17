"""Why: what a rule saw of somebody, how it stood, and why it did or did not tell anybody."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from alerts.reads import queries
from api.explanations import TooLong, explained, shown_explanation
from api.http.auth import Caller, carer, purpose, services_of
from api.http.openapi import problems
from api.http.paging import instant_ms
from api.http.problems import Problem
from api.http.reads import note_read
from api.http.services import Services
from api.http.wards import guarded_router
from api.http.wire import milliseconds

router = guarded_router(prefix="/api/v1", tags=["operations"])

Carer = Annotated[Caller, Depends(carer)]
Why = Annotated[str, Depends(purpose)]


@router.get(
    "/rules/{rule_id}/explanation", summary="Why a rule did or did not fire", responses=problems(401, 403, 404, 422)
)
def explain_rule(
    request: Request,
    rule_id: Annotated[str, Path(max_length=64)],
    subject: Annotated[str, Query(max_length=64, description="A resident, device or gateway.")],
    caller: Carer,
    why: Why,
    at: Annotated[datetime | None, Query(description="The instant asked about; now when left out.")] = None,
) -> dict[str, Any]:
    """From the log: the events and timers the rule saw, its state, next timer, parameters with origin, what held it
    and a `conclusion` in one word: no_rule, switched_off, not_in_home, lacks (devices that the rule needs, in `lacks`),
    not_watched, set_aside, open, held, waiting, told, seen_nothing, quiet. The newest 50 of what it saw and said.
    """
    services = services_of(request)
    at_ms = services.clock() if at is None else min(instant_ms(at, "at"), services.clock())
    return _answer(services, caller, rule_id, subject, at_ms, why)


@router.get("/alerts/{alert_id}/explanation", summary="Why there is an alert", responses=problems(401, 403, 404, 422))
def explain_alert(
    request: Request, alert_id: Annotated[str, Path(max_length=64)], caller: Carer, why: Why
) -> dict[str, Any]:
    """The same for the rule and person of an alert, at the instant it was raised."""
    services = services_of(request)
    alert = queries.alert(services.database, alert_id)
    if alert is None:
        raise Problem("unknown-alert", "alert_id")
    return _answer(
        services,
        caller,
        alert["rule"],
        alert["subject_id"],
        milliseconds(datetime.fromisoformat(alert["opened_at"])),
        why,
    )


def _answer(services: Services, caller: Caller, rule: str, subject: str, at_ms: int, why: str) -> dict[str, Any]:
    note_read(services, caller, "explanation", subject, why)
    try:
        found = explained(services, rule, subject, at_ms)
    except TooLong as error:
        raise Problem("bad-field", "subject") from error
    if found is None:
        raise Problem("not-found", "subject")
    return shown_explanation(found)
