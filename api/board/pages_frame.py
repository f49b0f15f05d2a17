"""Edge: what belongs to no page in particular. Log-in page, sound, the tab's icon, static files, and "no such page"."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Form, Path, Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from api.board import reads as board_reads
from api.board.page import SOUND_COOKIE, STATIC, Page, PageRoute
from api.board.place import shift_end_ms
from api.http.auth import Caller, caller_or_none, services_of, signed_in
from api.http.phone_token import phone_of
from api.http.problems import PROBLEMS, Problem, body
from api.http.wards import guarded_router
from api.routes.session import local_path

router = guarded_router(route_class=PageRoute, include_in_schema=False)
files = StaticFiles(directory=STATIC, check_dir=False)
FOR_EVER = "public, max-age=31536000, immutable"


@router.get("/login")
async def login_page(request: Request, caller: Annotated[Caller | None, Depends(caller_or_none)]) -> Response:
    """The page; `routes/session.py` takes the form and sends failures back here with their slug."""
    target = local_path(request.query_params.get("next", "/"))
    if caller is not None and "problem" not in request.query_params:
        return RedirectResponse(target, 303)
    page = Page(request, board_reads.reads_of(request), None)
    slug = request.query_params.get("problem", "")
    failed = None
    if slug in PROBLEMS:
        words = {"retry_after_seconds": request.query_params.get("wait", "60")[:5]}
        failed = body(Problem(slug, words=words), page.lang)["detail"]
    hint = page.reads.demo_login()
    return page.render(
        "login.html", failed=failed, next=target, user=hint[0] if hint else "",
        on_phone=phone_of(page.reads.services, request) is not None,
        demo_hint=page.words("login.demo", user=hint[0], password=hint[1]) if hint else None,
    )  # fmt: skip


@router.post("/sound")
def sound(
    request: Request,
    caller: Annotated[Caller, Depends(signed_in)],
    sound: Annotated[str, Form(pattern="^(on|off)$")],
    next: Annotated[str, Form(max_length=500)] = "/",
) -> Response:
    """Mute this browser until the shift ends, never longer; or end the mute."""
    page = Page(request, board_reads.reads_of(request), caller)
    response = RedirectResponse(local_path(next), 303)
    if sound == "off":
        own_ms = max((one["until_ms"] for one in page.reads.own_shifts(caller)), default=0)
        until_ms = own_ms if own_ms > page.now_ms else shift_end_ms(page.now_ms, page.site["timezone"])
        response.set_cookie(
            SOUND_COOKIE, str(until_ms), max_age=max((until_ms - page.now_ms) // 1_000, 1), path="/", samesite="lax",
            httponly=True, secure=services_of(request).web.secure_cookies,
        )  # fmt: skip
    else:
        response.delete_cookie(SOUND_COOKIE, path="/")
    return response


@router.get("/tab-icon/{count}.svg")
def tab_icon(count: Annotated[int, Path(ge=0, le=99)]) -> Response:
    """The tab's icon with the number of those who wait; calm without."""
    text = "" if count == 0 else "9+" if count > 9 else str(count)
    ground = "#1a7f37" if count == 0 else "#b00020"
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="6" fill="{ground}"/><text x="16" y="23" font-family="sans-serif" '
        'font-size="20" font-weight="700" text-anchor="middle" fill="#fff">'
        f"{text}</text></svg>"
    )
    return Response(svg, media_type="image/svg+xml", headers={"cache-control": FOR_EVER})


@router.get("/favicon.ico")
def favicon() -> Response:
    return RedirectResponse("/tab-icon/0.svg", 308)


@router.get("/static/{path:path}")
async def static_file(request: Request, path: str) -> Response:
    """A file of ours. With the mark of its content in the address it may be kept for ever, else asked for again."""
    response = await files.get_response(path, request.scope)
    response.headers["cache-control"] = FOR_EVER if request.query_params.get("v") else "no-cache"
    return response


class AnyOtherPage(PageRoute):
    """Takes what no page took, and nothing of the API, whose own answers (404, 405) are problems as JSON."""

    OTHERS = ("/api/", "/health", "/metrics")

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        if scope["path"].startswith(self.OTHERS):
            return Match.NONE, {}
        return super().matches(scope)


last = guarded_router(route_class=AnyOtherPage, include_in_schema=False)


@last.get("/{path:path}")
def no_such_page(path: str) -> Response:
    raise Problem("not-found")
