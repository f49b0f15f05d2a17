"""Edge: ways out as a page, with a test of each, and the page behind a one-time link in a message.

The link's page is open to whoever holds the link. It asks before it acts: what fetches it to look (a preview robot, a
mail filter) sees a question and changes nothing; only the button's POST acts, once.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response

from alerts.messages.channel_reads import channel_items, channel_tries, refusals
from alerts.messages.phone_answers import Looked
from api.board import reads as board_reads
from api.board.page import Page, PageRoute
from api.http.auth import Caller, operator, signed_in
from api.http.problems import Problem
from api.http.wards import guarded_router
from api.routes.channels import begin_test

router = guarded_router(route_class=PageRoute, include_in_schema=False)
Token = Annotated[str, Path(max_length=100)]
TRIES_SHOWN = 5


@router.get("/channels")
def channels_page(request: Request, caller: Annotated[Caller, Depends(signed_in)]) -> Response:
    """Each way out: how it does, since when, its newest tries; operators may test it."""
    page = Page(request, board_reads.reads_of(request), caller)
    services = page.reads.services
    items = [
        _item(page, item) | {"tries": [_try(page, one) for one in _tries(page, item["channel"])]}
        for item in channel_items(page.reads.db, services.site_id, services.channels)
    ]
    refused = [
        page.words(f"channels.refused_{reason}", n=count)
        for reason, count in refusals(page.reads.db, services.site_id, page.now_ms).items()
    ]
    doors, account = services.doors, caller.account
    return page.render(
        "channels.html",
        items=items,
        refused=refused,
        may_test=page.has_role("operator"),
        push_key=doors.push_key if doors else "",
        own=account.name if account.staff_id else None,
        functions=page.reads.scope.keep("function", page.reads.store.list("function")),
    )


@router.post("/channels/{channel_id}/test")
def test_page(
    request: Request,
    channel_id: Annotated[str, Path(max_length=64)],
    caller: Annotated[Caller, Depends(operator)],
) -> Response:
    begin_test(board_reads.reads_of(request).services, channel_id, caller.account.user_id)
    return RedirectResponse("/channels?said=channels.tested", 303)


@router.get("/l/{token}")
def link_page(request: Request, token: Token) -> Response:
    """What the link stands for, and the question. Changes nothing, however often it is fetched."""
    page = Page(request, board_reads.reads_of(request), None)
    return _answered(page, _doors(page).look(token, page.now_ms), token)


@router.post("/l/{token}")
def use_link(request: Request, token: Token, answer: Annotated[Literal["take", "cannot"], Form()]) -> Response:
    """Acts once."""
    page = Page(request, board_reads.reads_of(request), None)
    doors = _doors(page)
    looked = doors.look(token, page.now_ms)
    became = doors.use(token, answer, page.now_ms)
    said = f"done_{answer}" if became == "done" else became
    services = page.reads.services
    assert services.doors is not None, "looked at above"
    services.doors.wake()
    return _answered(page, looked, token, said)


def _answered(page: Page, looked: Looked, token: str, said: str | None = None) -> Response:
    word = said or looked.state
    status = 200 if word.startswith("done") or word == "open" else 404 if word == "altered" else 410
    status = 409 if word in {"taken", "refused"} else status
    relative = looked.target_kind == "responder"
    return page.render(
        "link.html", status, looked=looked, word=word, token=token, relative=relative, ask=word == "open"
    )


def _doors(page: Page) -> Any:
    doors = page.reads.services.doors
    if doors is None:
        raise Problem("not-found", "token")
    return doors.answers


def _tries(page: Page, channel: str) -> list[dict[str, Any]]:
    return channel_tries(page.reads.db, page.reads.services.site_id, channel)[:TRIES_SHOWN]


def _item(page: Page, item: dict[str, Any]) -> dict[str, Any]:
    t = page.words
    return {
        "id": item["channel"],
        "name": t.code("channel", item["channel"]),
        "state": t.code("channel_state", item["state"]),
        "bad": item["state"] in {"slow", "down"},
        "configured": item["configured"],
        "since": t.put(item["since"], "clock") if item["since"] else "",
        "latency": t("channels.latency", ms=item["latency_ms"]) if item["latency_ms"] is not None else "",
        "last_ok": t("channels.last_ok", at_ms=item["last_ok_at"]) if item.get("last_ok_at") else "",
        "detail": item["last_detail"] if item["state"] in {"slow", "down"} else "",
        "alert_id": item["alert_id"],
    }


def _try(page: Page, one: dict[str, Any]) -> str:
    t = page.words
    result = t.code("channel_result", one["receipt"] or one["result"] or "waiting")
    return f"{t.put(one['at'], 'seconds')} {one['priority']} {result}" + (
        f" ({one['detail']})" if one["detail"] else ""
    )
