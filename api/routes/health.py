"""For machines that watch this one: is it alive, is it ready, and its figures. Nothing personal, no log-in.

Alive means that the folds move, not that the process runs: a loop that is stuck looks healthy from outside while people
wait (lessons from other systems: liveness = age of the oldest unread row). Old rows alone are a backlog: who is
restarted in the middle of it begins it again, and never comes through.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Depends, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from alerts.channels.reach import has_voice_or_sms
from alerts.messages.channel_health import DOWN
from alerts.messages.channel_reads import troubled
from alerts.reads import queries
from alerts.shifts.rota_store import RotaStore
from alerts.shifts.shift_desk import ShiftDesk
from api.feed import feed_state
from api.http.auth import services_of
from api.http.metrics import CONTENT_TYPE, Metrics
from api.http.services import RunnerStatus, Services
from api.http.wards import guarded_router
from api.http.wire import utc_text

router = guarded_router(tags=["health"])

STUCK_MS = 120_000  # work for so long and not a step = not alive: the supervisor may restart
GAPS_MAX = 50
LAGGING_MS = 10_000  # unread for so long = not ready: alerts come late
SERIES_ROWS = 20_000  # of INPUTS not in the curves yet: these are minutes behind


class Reason(BaseModel):
    """One thing that is not as it should be. `code` is stable; `part` says where."""

    code: Literal[
        "fold_stopped",
        "fold_stuck",
        "fold_lagging",
        "quarantined",
        "feed_late",
        "feed_blind",
        "feed_dropped",
        "desk_unreadable",
        "clock_waiting",
        "base_not_proved",
        "no_phone_channel",
        "channel_down",
        "nobody_on_duty",
        "rota_gap",
        "audit_late",
        "audit_findings",
        "heartbeat_failed",
        "series_away",
        "series_behind",
        # of many machines
        "clock_skew",
        "lane_ended",
        "logs_away",
        "partition_left",
        "starting",
        "trial_behind",
    ]
    part: str
    detail: str = ""
    blocking: bool = True  # False: shown, but the service is of use


class Health(BaseModel):
    status: Literal["ok", "not_ok"]
    reasons: list[Reason]
    feed: dict[str, Any] | None = None


def _services(request: Request) -> Services:
    return services_of(request)


@router.get("/health/live", summary="Is it alive", responses={503: {"model": Health}})
def live(services: Annotated[Services, Depends(_services)], response: Response) -> Health:
    """503 when a fold has stopped or has not moved for 2 min although there is work: restart the process."""
    if services.roles:
        return health_of([reason for role in services.roles for reason in role.live()], response)
    reasons = [reason for name, runner in _runners(services) for reason in _stopped(name, runner)]
    return health_of(reasons, response)


@router.get("/health/ready", summary="Is it of use", responses={503: {"model": Health}})
def ready(services: Annotated[Services, Depends(_services)], response: Response) -> Health:
    """503 with reasons when alerts would come late or not at all. A blind feed is a reason: nothing is heard."""
    if services.roles:
        return health_of([reason for role in services.roles for reason in role.ready()], response)
    reasons = [reason for name, runner in _runners(services) for reason in _behind(name, runner)]
    reasons += _feed(services) + _desk(services) + _clock(services) + _channels(services) + _series(services)
    if not any(reason.code == "desk_unreadable" for reason in reasons):
        reasons += _duty(services) + _watch(services)
    health = health_of(reasons, response)
    health.feed = feed_state(services)
    return health


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    figures: Metrics = request.app.state.metrics
    return Response(figures.text(), media_type=CONTENT_TYPE)


def is_alive(services: Services) -> bool:
    """What /health/live says, for a supervisor that does not ask over HTTP."""
    return not [reason for name, runner in _runners(services) for reason in _stopped(name, runner)]


def _runners(services: Services) -> list[tuple[str, RunnerStatus]]:
    return [("source", services.source_runner), ("home", services.home_runner), ("floor", services.floor_runner)]


def _stopped(name: str, runner: RunnerStatus) -> list[Reason]:
    if not runner.healthy:
        return [Reason(code="fold_stopped", part=name)]
    if runner.still_ms > STUCK_MS and runner.oldest_age_ms > STUCK_MS:
        return [Reason(code="fold_stuck", part=name, detail=f"no step for {runner.still_ms // 1000} s")]
    return []


def _behind(name: str, runner: RunnerStatus) -> list[Reason]:
    reasons = _stopped(name, runner)
    if not reasons and runner.oldest_age_ms > LAGGING_MS:
        reasons = [Reason(code="fold_lagging", part=name, detail=f"{runner.lag} rows unread")]
    if runner.quarantined:
        reasons.append(
            Reason(code="quarantined", part=name, detail=f"{len(runner.quarantined)} set aside", blocking=False)
        )
    return reasons


def _feed(services: Services) -> list[Reason]:
    reasons = []
    if services.feed.state == "blind":
        reasons.append(Reason(code="feed_blind", part="feed"))
    if services.feed.state == "late":
        reasons.append(Reason(code="feed_late", part="feed", blocking=False))
    if lost := services.counters().get("mqtt_qos0_dropped_total", 0):  # nobody sends them again
        detail = f"{lost} messages of QoS 0 not taken since start"
        reasons.append(Reason(code="feed_dropped", part="feed", detail=detail, blocking=False))
    if services.counters().get("bases_not_proved", 0):
        detail = "a refold of the log gave another state; no log is cut, and somebody must look why"
        reasons.append(Reason(code="base_not_proved", part="folds", detail=detail, blocking=False))
    return reasons


def _series(services: Services) -> list[Reason]:
    """Curves may lag: no alert waits for them."""
    status = services.series_status
    if status is None:
        return []
    if not status.healthy:
        detail = f"curves and last contact cannot be stored; {status.lag} inputs wait in the log"
        return [Reason(code="series_away", part="series", detail=detail, blocking=False)]
    if status.lag > SERIES_ROWS:
        return [Reason(code="series_behind", part="series", detail=f"{status.lag} inputs unread", blocking=False)]
    return []


def _desk(services: Services) -> list[Reason]:
    try:
        queries.last_change(services.database)
    except SQLAlchemyError as error:
        return [Reason(code="desk_unreadable", part="desk", detail=type(error).__name__)]
    return []


def _duty(services: Services) -> list[Reason]:
    """Wards whose alarms go straight to the number outside, now or in the next 7 days."""
    now_ms = services.clock()
    found = ShiftDesk(services.desk).functions(now_ms)
    manned = {one["ward"] for one in found if one["on_duty"]}
    empty = dict.fromkeys(one["ward"] for one in found if one["ward"] not in manned)
    reasons = [Reason(code="nobody_on_duty", part=ward, blocking=False) for ward in empty]
    for gap in RotaStore(services.desk).gaps(now_ms)[:GAPS_MAX]:
        detail = f"{utc_text(gap['from_ms'])} to {utc_text(gap['until_ms'])}"
        reasons.append(Reason(code="rota_gap", part=gap["ward"], detail=detail, blocking=False))
    return reasons


def _watch(services: Services) -> list[Reason]:
    """The checks, and whether a monitor outside hears of them."""
    found = () if services.watch is None else services.watch.problems()
    parts = {"heartbeat_failed": "heartbeat"}
    return [Reason(code=code, part=parts.get(code, "audit"), detail=detail, blocking=False) for code, detail in found]


def _channels(services: Services) -> list[Reason]:
    """A P1 must be able to ring a telephone; and what is configured must work."""
    reasons = []
    if not has_voice_or_sms(services.channels):
        detail = "no voice or SMS channel: a P1 rings no telephone (channels.enabled)"
        reasons.append(Reason(code="no_phone_channel", part="channels", detail=detail, blocking=False))
    try:
        down = troubled(services.database, services.site_id, services.channels)
    except SQLAlchemyError:
        return reasons  # said by the desk
    return reasons + [Reason(code="channel_down", part=name, blocking=False) for name, state in down if state == DOWN]


def _clock(services: Services) -> list[Reason]:
    if not services.system_clock.waiting:
        return []
    detail = "the machine's time is over 10 min ahead of ours: POST /api/v1/clock/confirm if it is right"
    return [Reason(code="clock_waiting", part="clock", detail=detail, blocking=False)]


def health_of(reasons: list[Reason], response: Response) -> Health:
    blocked = any(reason.blocking for reason in reasons)
    response.status_code = 503 if blocked else 200
    return Health(status="not_ok" if blocked else "ok", reasons=reasons)
