"""What a process without pages answers: is it alive, is it of use, its figures. The same paths as the others'."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from api.http.app import NO_TELEMETRY
from api.http.metrics import CONTENT_TYPE
from api.http.services import ProcessRole
from api.routes.health import Health, health_of


class Role(ProcessRole, Protocol):
    """One thing a process is there for. `start` and `stop` from any thread; the others from any, and cheap."""

    def start(self) -> None: ...
    def stop(self) -> None: ...


def role_app(roles: Sequence[Role]) -> FastAPI:
    """Health and metrics of a process without pages."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False, telemetry=NO_TELEMETRY)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(roles))

    @app.get("/health/live")
    def live(response: Response) -> Health:
        return health_of([reason for role in roles for reason in role.live()], response)

    @app.get("/health/ready")
    def ready(response: Response) -> Health:
        return health_of([reason for role in roles for reason in role.ready()], response)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(generate_latest(registry), media_type=CONTENT_TYPE)

    return app


class Figures(Collector):
    """Of every role of a process. Two roles give figures of different names."""

    def __init__(self, roles: Sequence[Role]) -> None:
        self._roles = roles

    def collect(self) -> Iterator[Metric]:
        for role in self._roles:
            yield from role.figures()
