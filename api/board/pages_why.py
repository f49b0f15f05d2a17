"""Edge: "Hvorfor?" of a rule and somebody at any instant, also where no alert came (api/explanations.py)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from starlette.responses import Response

from api.board import format as fmt
from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.board.why import parameter_rows, reason_line
from api.http.auth import Caller, carer
from api.http.problems import Problem
from api.http.wards import guarded_router
from rules import local_time

router = guarded_router(route_class=PageRoute, include_in_schema=False)

Word = Annotated[str | None, Query(max_length=64)]
_MOMENT = "%Y-%m-%dT%H:%M"  # what a browser's date-and-time field sends


@router.get("/why")
def why_page(
    request: Request,
    caller: Annotated[Caller, Depends(carer)],
    subject: Annotated[str, Query(max_length=64)],
    rule: Word = None,
    at: Word = None,
) -> Response:
    """What the rule saw, how it stood, and why it did or did not tell anybody."""
    page = Page(request, board_reads.reads_of(request), caller)
    at_ms = _moment_ms(at, page)
    person = page.reads.resident_card(subject)
    rules = [{"id": one["id"], "name": f"{one['id']} {page.words('rule.' + one['id'])}"} for one in page.reads.rules()]
    found = None if not rule else page.reads.explanation(rule, subject, at_ms, caller)
    if rule and found is None:
        raise Problem("not-found", "subject")
    return page.render(
        "why.html",
        subject=subject,
        who=person["name"] if person is not None else subject,
        rules=rules,
        rule=rule,
        moment=page.words.local(at_ms).strftime(_MOMENT),
        found=None if found is None else _shown(found, page),
    )


def _moment_ms(text: str | None, page: Page) -> int:
    """A local time as a browser sends it, or an instant with offset; now when there is none or it lies ahead."""
    if not text:
        return page.now_ms
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise Problem("bad-field", "at") from error
    if given.tzinfo is not None:
        at_ms = round(given.astimezone(UTC).timestamp() * 1_000)
    else:
        at_ms = local_time.instant_ms(given.date(), given.hour * 60 + given.minute, page.site["timezone"])
    return min(at_ms, page.now_ms)


def _shown(found: dict[str, Any], page: Page) -> dict[str, Any]:
    t = page.words
    rows: list[dict[str, Any]] = [
        {"at_ms": fmt.to_ms(one["at"]) or 0, "what": t.code("explain_role", one["role"]),
         "more": t.code("event", one["type"]) if one["type"] else ""}
        for one in found["seen"]
    ]  # fmt: skip
    rows += [
        {"at_ms": fmt.to_ms(one["at"]) or 0, "what": t.code("explain_said", one["what"]),
         "more": reason_line(one["reason"], t, found["rule"])}
        for one in found["said"]
    ]  # fmt: skip
    rows.sort(key=lambda row: row["at_ms"])
    return {
        "sentence": t(f"explain.{found['conclusion']}", what=", ".join(one[t.lang] for one in found["lacks"])),
        "held": reason_line(found["hold"], t) if found["hold"] else "",
        "next": t.put(fmt.to_ms(found["next_timer"]), "at") if found["next_timer"] else "",
        "until": t.put(fmt.to_ms(found["watched_until"]), "at") if found["watched_until"] else "",
        "parameters": parameter_rows(found["parameters"], t),
        "rows": [row | {"at": t.put(row["at_ms"], "seconds")} for row in rows],
        "state": ", ".join(
            f"{name} {value}"
            for name, value in found["state"].items()
            if name != "type" and not isinstance(value, dict | list)
        ),
        "version": found["rule_version"],
    }
