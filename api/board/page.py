"""Edge: from a request to a page. Language, clock, frame and words are put together here, once for all pages.

`PageRoute` turns every refusal into a page (or, for htmx, into a sentence) in the reader's language, so that pages
raise the same `Problem`s as the API does.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import structlog
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, RedirectResponse, Response

from alerts.database import AWAY
from api.board import reads as board_reads
from api.board.frame import frame_view
from api.board.menu import menu_groups
from api.board.place import local_clock
from api.board.reads import Reads
from api.board.words import LANGUAGES, Words
from api.http.auth import Caller
from api.http.phone_token import cookie_name
from api.http.problems import Language, Problem, body, language_of

log = structlog.get_logger()

HERE = Path(__file__).resolve().parent.parent
STATIC = HERE / "static"
LANGUAGE_COOKIE = "lang"
SOUND_COOKIE = "sound_off_until"
NOTICES = (
    "pause.begun",
    "pause.ended",
    "tests.begun",
    "tests.ended",
    "tests.proved",
    "dead.asked",
    "accounts.done",
    "quiet.silenced",
    "quiet.ended",
    "quiet.ticked",
    "handover.taken",
    "shifts.done",
    "shifts.phone_done",
    "channels.tested",
    "policies.saved",
)
YEAR_S = 31_536_000

STATUS_SLUGS = {401: "not-signed-in", 403: "wrong-role", 404: "not-found", 405: "method-not-allowed", 422: "bad-field"}


@functools.cache
def environment() -> Environment:
    """Templates and icons. Strict: a name that no page gives is an error in the tests, not an empty place at night."""
    loader = FileSystemLoader([HERE / "templates", STATIC / "icons"])
    env = Environment(
        loader=loader, autoescape=select_autoescape(["html", "svg"]), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, auto_reload=False,
    )  # fmt: skip
    env.globals |= {"icon": icon, "asset": asset, "url": url, "fresh_key": fresh_key}
    return env


def fresh_key() -> str:
    """An idempotency key for one rendered form: a double tap is one act, the next rendering is another."""
    return uuid4().hex


@functools.cache
def icon(name: str) -> Markup:
    """An icon's own SVG, put into the page. The files are ours, never anybody's input."""
    return Markup((STATIC / "icons" / f"{name}.svg").read_text("utf-8").strip())  # noqa: S704 - see docstring


@functools.cache
def asset(path: str) -> str:
    """Address of a static file with a mark of its content, so that it may be kept for ever and still change."""
    file = STATIC / path
    mark = hashlib.sha256(file.read_bytes()).hexdigest()[:10] if file.is_file() else "missing"
    return f"/static/{path}?v={mark}"


def url(path: str) -> str:
    return f"/{path}"


class Page:
    """One request of one person: what every template needs, gathered once."""

    def __init__(self, request: Request, reads: Reads, caller: Caller | None) -> None:
        self.request = request
        self.reads = reads
        self.caller = caller
        self.now_ms = reads.now_ms()
        self.site = reads.site()
        account = caller.account if caller else None
        self.lang = language(request, account.language if account else None, reads.default_language)
        self.words = Words(self.lang, self.now_ms, local_clock(self.site["timezone"]), reads.rule_names(self.lang))

    def has_role(self, role: str) -> bool:
        return self.caller is not None and role in self.caller.account.roles

    def can_act(self) -> bool:
        """Whether this account is somebody of the staff who cares for people."""
        return self.caller is not None and self.has_role("carer") and self.caller.account.staff_id is not None

    def muted_until(self) -> int | None:
        text = self.request.cookies.get(SOUND_COOKIE, "")
        until_ms = int(text) if text.isdecimal() and len(text) < 16 else 0
        return until_ms if until_ms > self.now_ms else None

    def part_context(self) -> dict[str, Any]:
        """What fragments read."""
        query = self.request.query_params
        return {
            "t": self.words,
            "site": self.site,
            "now_ms": self.now_ms,
            "csrf": self.caller.csrf if self.caller and self.caller.via == "session" else "",
            "wall": query.get("wall") == "1",
            "muted_until": self.muted_until(),
            "here": self.request.url.path,
            "open_alert": None,
            "can_act": self.can_act(),
            "query": f"?{urlencode(self._kept())}" if self._kept() else "",
        }

    def frame(self) -> dict[str, Any] | None:
        """The frame, for those who are signed in."""
        if self.caller is None:
            return None
        return frame_view(self.reads.frame_facts(self.caller), self.words)

    def context(self) -> dict[str, Any]:
        """What `base.html` reads besides."""
        account = self.caller.account if self.caller else None
        said = self.request.query_params.get("said", "")
        return self.part_context() | {
            "account": account, "frame": self.frame(), "menu": menu_groups(self.request.url.path, self._may),
            "ward": self.request.query_params.get("ward") or None, "lang_link": self._lang_link,
            "wards": [{"id": key, "name": name} for key, name in self.reads.wards().items()] if account else [],
            "shift": self._shift(), "is_phone": cookie_name(self.reads.services) in self.request.cookies,
            "notice": self.words(said) if said in NOTICES else None,
        }  # fmt: skip

    def _shift(self) -> str:
        """What the reader has and until when; their name when they are on no shift."""
        if self.caller is None:
            return ""
        mine = self.reads.own_shifts(self.caller)
        said = [
            self.words("shift.has", function=one["function_name"], name=one["staff_name"], until_ms=one["until_ms"])
            for one in mine
        ]
        return " · ".join(said) or self.words("shift.you", name=self.caller.account.name)

    def _kept(self) -> dict[str, str]:
        return {
            name: self.request.query_params[name] for name in ("ward", "wall") if self.request.query_params.get(name)
        }

    def _lang_link(self, code: str) -> str:
        kept = {name: value for name, value in self.request.query_params.items() if name not in {"lang", "said"}}
        return f"?{urlencode({**kept, 'lang': code})}"

    def _may(self, need: str) -> bool:
        """What an entry of the menu asks for."""
        if need == "demo":
            return self.reads.demo is not None
        if need == "keeper":  # as api.http.auth.account_keeper
            return self.has_role("operator") and self.caller is not None and self.caller.account.wards is None
        return self.has_role(need)

    def render(self, template: str, status: int = 200, /, **more: Any) -> Response:
        """The page, with the language remembered when it was chosen on it."""
        return self._respond(template, status, {**self.context(), **more})

    def render_part(self, template: str, /, **more: Any) -> Response:
        """A fragment for htmx."""
        return self._respond(template, 200, {**self.part_context(), **more})

    def _respond(self, template: str, status: int, context: dict[str, Any]) -> Response:
        html = environment().get_template(template).render(context)
        response = HTMLResponse(html, status, headers={"content-language": self.lang, "vary": "Cookie"})
        self._remember(response)
        return response

    def _remember(self, response: Response) -> None:
        if self.request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, self.lang, max_age=YEAR_S, path="/", samesite="lax", httponly=True)

    @property
    def by_htmx(self) -> bool:
        return self.request.headers.get("hx-request") == "true"


def language(request: Request, own: str | None, default: str) -> Language:
    """Asked for in the address, else chosen before, else the account's, else the browser's, else the site's."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE), own):
        if wanted in LANGUAGES:
            return "en" if wanted == "en" else "nb"
    return language_of(request.headers.get("accept-language"), "en" if default == "en" else "nb")


class PageRoute(APIRoute):
    """A route whose refusals are pages. Strangers are sent to the log-in and back to where they wanted to go."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handler(request: Request) -> Response:
            try:
                return await inner(request)
            except Problem as problem:
                return refuse(request, problem)
            except RequestValidationError as error:
                return refuse(request, Problem("bad-field", str(error.errors()[0]["loc"][-1])))
            except HTTPException as error:
                return refuse(request, Problem(STATUS_SLUGS.get(error.status_code, "bad-request")))
            except AWAY as error:
                log.error("storage_unavailable", error=type(error).__name__)
                return unreadable(request)

        return handler


def unreadable(request: Request) -> Response:
    """The desk is away: a page that reads nothing there, and is loaded again by itself."""
    reading = request.method in {"GET", "HEAD"}
    lang = language(request, None, request.app.state.services.web.default_language)
    said = body(Problem("not-readable" if reading else "not-recorded"), lang)
    if request.headers.get("hx-request") == "true":
        return HTMLResponse(Markup.escape(said["detail"]), 503)
    html = environment().get_template("away.html").render(lang=lang, problem=said, reading=reading)
    return HTMLResponse(html, 503, headers={"content-language": lang, "retry-after": "5"})


def in_words(problem: Problem, words: Words) -> str:
    """What is wrong, as a sentence; the field by the word that stands beside it on the page."""
    field = words.code("field", problem.field) if problem.field else None
    lang: Language = "en" if words.lang == "en" else "nb"
    return str(body(Problem(problem.slug, field, words=problem.words), lang)["detail"])


def refuse(request: Request, problem: Problem) -> Response:
    """A problem as a page, a sentence for htmx, or the way to the log-in."""
    by_htmx = request.headers.get("hx-request") == "true"
    if problem.status == 401 and not by_htmx:
        target = request.url.path if request.method == "GET" else "/"
        return RedirectResponse(f"/login?{urlencode({'next': target})}", 303)
    lang = language(request, None, request.app.state.services.web.default_language)
    said: Mapping[str, Any] = body(problem, lang)
    if by_htmx:
        return HTMLResponse(Markup.escape(said["detail"]), problem.status)
    return Page(request, board_reads.reads_of(request), None).render("error.html", problem.status, problem=said)
