"""Edge: "Try it". Each button makes a simulated device send a real message; only in the demo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Protocol

from fastapi import Depends, Path, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.http.auth import Caller, signed_in
from api.http.problems import Problem
from api.http.wards import guarded_router

router = guarded_router(route_class=PageRoute, include_in_schema=False)


class DemoAction(Protocol):
    """Something that can be made to happen: group is a code of words `try_group`, subject_label is ready to show."""

    @property
    def id(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def subject_label(self) -> str: ...


class Demo(Protocol):
    """Port: the simulated ward as this page sees it."""

    def actions(self) -> Sequence[DemoAction]: ...
    async def run(self, action_id: str) -> None:
        """Make it happen. KeyError for an unknown id."""
        ...

    def paste_line(self) -> str:
        """A line for a terminal that publishes an alarm."""
        ...


@router.get("/try")
def try_page(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    demo: Any = page.reads.demo
    groups: dict[str, dict[str, Any]] = {}
    for action in demo.actions():
        title = page.words.code("try_group", action.group)
        group = groups.setdefault(
            action.group,
            {
                "code": action.group,
                "title": title,
                "act": page.words.first(f"try_act.{action.group}", "try_act.any"),
                "actions": [],
            },
        )
        group["actions"].append({"id": action.id, "subject": action.subject_label})
    return page.render("try.html", groups=list(groups.values()), paste=demo.paste_line())


@router.post("/try/{action_id}")
async def run_action(
    request: Request, action_id: Annotated[str, Path(max_length=100)], caller: Annotated[Caller, Depends(signed_in)]
) -> Response:
    page = Page(request, board_reads.reads_of(request), caller)
    demo: Any = page.reads.demo
    if action_id not in {action.id for action in demo.actions()}:
        raise Problem("not-found", "action_id")
    await demo.run(action_id)
    if page.by_htmx:
        return HTMLResponse(Markup.escape(page.words("try.sent")))
    return RedirectResponse("/try", 303)
