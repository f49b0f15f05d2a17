"""The HTTP application: routes, frame and error answers put together. One function, no module-level app.

What may live here: composition and the handlers that turn exceptions into problems (api/http/problems.py). Routes live
in `api/routes/`, pages in `api/board/`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Scope

from alerts.database import AWAY
from alerts.reads import queries
from api.http.live import LiveFull, LiveHub
from api.http.metrics import Metrics
from api.http.middleware import Frame
from api.http.openapi import DESCRIPTION, TAGS
from api.http.problems import MEDIA_TYPE, Problem, body, language_of
from api.http.services import Services
from api.routes import (
    alerts,
    channels,
    events,
    explanations,
    handling,
    health,
    live,
    operations,
    phones,
    policies,
    quiet,
    reports,
    residents,
    rota,
    rules,
    session,
    settings,
    shifts,
    tests,
    things,
    users,
)
from ingest.journal import JournalError
from ingest.series import SeriesAway

log = structlog.get_logger()

# FastAPI would report to OpenTelemetry by default, exception texts included (shared notes on packages)
NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}
STATUS_SLUGS = {
    400: "bad-request", 401: "not-signed-in", 403: "wrong-role", 404: "not-found", 405: "method-not-allowed",
    406: "not-acceptable", 413: "too-large", 415: "unsupported-media-type", 422: "bad-field", 429: "too-many-tries",
}  # fmt: skip
ERRORS_SHOWN = 20


def create_app(services: Services, pages: Sequence[APIRouter] = ()) -> FastAPI:
    """The application over these services. `pages` are routers of the board, included after the API's own.

    `app.state.hub` is the LiveHub: call its `close()` before the server is told to stop, else open streams hold it up.
    """
    hub = LiveHub(
        services.changed,
        lambda after_id, limit: queries.changes(services.database, after_id, limit),
        lambda: queries.last_change(services.database),
        first=lambda: queries.first_change(services.database),
        clients_max=services.web.live_clients_max,
        beat_ms=services.web.beat_ms,
    )
    metrics = Metrics(services, hub, lambda: queries.counts(services.database))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        hub.close()

    app = FastAPI(
        title="Vardevakt",
        version="1",
        description=DESCRIPTION,
        openapi_tags=TAGS,
        openapi_url="/api/v1/openapi.json" if services.web.docs else None,
        docs_url=None,  # Swagger's page loads from outside; the document itself is enough for every tool
        redoc_url=None,
        redirect_slashes=False,
        telemetry=NO_TELEMETRY,
        lifespan=lifespan,
    )
    app.state.services = services
    app.state.hub = hub
    app.state.metrics = metrics
    # The routes themselves: `include_router` would make every one a second time, a third of a second at each start.
    for module in (
        handling, policies,
        alerts, residents, things, settings, events, operations, live,
        channels, session, users, health, rules, explanations, quiet,
        shifts, rota, phones, reports, tests,
    ):  # fmt: skip
        app.router.routes += module.router.routes
    for router in pages:
        app.router.routes += router.routes
    _handle_errors(app)
    app.add_middleware(
        Frame, times=metrics, failure=_failure_answer(services), strict_transport=services.web.secure_cookies
    )
    return app


def problem_response(request: Request, problem: Problem) -> Response:
    """A problem in the reader's language."""
    services: Services = request.app.state.services
    language = language_of(request.headers.get("accept-language"), services.web.default_language)
    return _render(problem, language)


def _render(problem: Problem, language: Any) -> Response:
    import msgspec

    content = msgspec.json.encode(body(problem, language))
    headers = {"content-language": language, **problem.headers}
    return Response(content, problem.status, media_type=MEDIA_TYPE, headers=headers)


def _handle_errors(app: FastAPI) -> None:
    async def on_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, Problem), "registered for Problem"
        return problem_response(request, error)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError), "registered for RequestValidationError"
        return problem_response(request, of_validation(error))

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException), "registered for HTTPException"
        return problem_response(request, of_http(error))

    async def on_storage(request: Request, error: Exception) -> Response:
        log.error("storage_unavailable", error=type(error).__name__)
        reading = request.method in {"GET", "HEAD"}
        return problem_response(request, Problem("not-readable" if reading else "not-recorded"))

    async def on_series_away(request: Request, error: Exception) -> Response:
        return problem_response(request, Problem("series-away", headers={"retry-after": "30"}))

    async def on_live_full(request: Request, error: Exception) -> Response:
        return problem_response(request, Problem("too-many-streams", headers={"retry-after": "5"}))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(JournalError, on_storage)
    for away in AWAY:
        app.add_exception_handler(away, on_storage)
    app.add_exception_handler(LiveFull, on_live_full)
    app.add_exception_handler(SeriesAway, on_series_away)


def of_validation(error: RequestValidationError) -> Problem:
    """The first field at fault as the problem's field, all of them in `errors`; never a value that was sent."""
    errors = [
        {"field": ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0]), "message": found["msg"]}
        for found in error.errors()[:ERRORS_SHOWN]
    ]
    return Problem("bad-field", errors[0]["field"] if errors else None, more={"errors": errors})


def of_http(error: HTTPException) -> Problem:
    """Starlette's and FastAPI's own refusals as problems of the catalogue."""
    slug = STATUS_SLUGS.get(error.status_code, "bad-request" if error.status_code < 500 else "internal")
    words = {"limit_bytes": error.detail, "retry_after_seconds": "60"}
    return Problem(slug, words=words, headers=dict(error.headers or {}))


def _failure_answer(services: Services) -> Any:
    def answer(scope: Scope, _error: Exception) -> ASGIApp:
        accepted = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        return _render(Problem("internal"), language_of(accepted, services.web.default_language))

    return answer
