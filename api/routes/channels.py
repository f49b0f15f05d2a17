"""Ways out: how each does, a test of one, web push, and what gateways say back (receipts, SMS that come in).

The doors for gateways are open to the outside and believe nothing but their signature or token; what is forged is
refused with 403, counted and shown, and changes nothing.
"""

from __future__ import annotations

from typing import Annotated, Any

import structlog
from fastapi import Body, Depends, Path, Request, Response
from fastapi.concurrency import run_in_threadpool

from alerts.channels.channel import PushTo
from alerts.channels.templates import found, parsed
from alerts.channels.web_push import problem_of
from alerts.messages.channel_reads import channel_items, channel_tries, refusals
from alerts.messages.doors import Doors
from alerts.messages.outbox import test_channel
from alerts.messages.push_subscriptions import subscribe, unsubscribe
from alerts.messages.receipts import DoorOptions, count_refusal, is_genuine, read_receipt, record_receipt
from api.http.auth import Caller, operator, services_of, signed_in
from api.http.openapi import problems
from api.http.problems import Problem
from api.http.services import Services
from api.http.wards import guarded_router, scope_of

log = structlog.get_logger()
router = guarded_router(prefix="/api/v1/channels", tags=["things"])

SignedIn = Annotated[Caller, Depends(signed_in)]
ChannelId = Annotated[str, Path(max_length=64, description="Its name: `sms`, `voice`, `email` …")]
ANY_BODY: dict[str, Any] = {
    "requestBody": {
        "description": "What the gateway sends, JSON or a form; the settings say where in it things stand.",
        "content": {"application/json": {"schema": {}}, "application/x-www-form-urlencoded": {"schema": {}}},
    }
}


@router.get("", summary="Ways out, and how they have done lately", responses=problems(401))
def channels(request: Request, _caller: SignedIn) -> dict[str, Any]:
    """State (`ok`, `slow`, `down`, `unused`) and since when, latency of the newest that was taken, messages waiting,
    results of the newest tries; `refused`: what was refused at the open doors in the last day.
    """
    services = services_of(request)
    items = channel_items(services.database, services.site_id, services.channels)
    return {"items": items, "next": None, "refused": refusals(services.database, services.site_id, services.clock())}


@router.get("/push/key", summary="Our key for web push", responses=problems(401, 404))
def push_key(request: Request, _caller: SignedIn) -> dict[str, str]:
    """What a page gives to the browser as `applicationServerKey`. 404 where there is no web push."""
    doors = _doors(services_of(request))
    if not doors.push_key:
        raise Problem("not-found", "channel_id")
    return {"key": doors.push_key}


@router.post(
    "/push/subscriptions", summary="Tell this browser", status_code=201, responses=problems(401, 403, 404, 422)
)
def add_subscription(
    request: Request,
    caller: SignedIn,
    endpoint: Annotated[str, Body(max_length=2_000)],
    p256dh: Annotated[str, Body(max_length=200)],
    auth: Annotated[str, Body(max_length=64)],
    function: Annotated[
        str | None, Body(max_length=64, description="Of the shift's phone; without it: yourself.")
    ] = None,
) -> dict[str, str]:
    """The subscription of a browser (`PushSubscription`), for a function on shift or for the one signed in."""
    services = services_of(request)
    doors = _doors(services)
    if not doors.push_key:
        raise Problem("not-found", "channel_id")
    to = PushTo(endpoint, p256dh, auth)
    wrong = problem_of(to, doors.push_hosts)
    if wrong is not None:
        raise Problem("bad-field", wrong)
    own = caller.account.staff_id
    if function is None and own is None:
        raise Problem("wrong-role", "function")
    if function is not None:
        known = services.settings_store.get("function", function)
        if known is None:
            raise Problem("bad-field", "function")
        if not scope_of(request).sees(frozenset({str(known["ward"])})):
            raise Problem("wrong-role", "function")
    owner = ("staff", own or "") if function is None else ("function", function)
    made = subscribe(services.database, services.site_id, owner, to, caller.account.user_id, services.clock())
    return {"id": made}


@router.delete(
    "/push/subscriptions/{subscription_id}",
    summary="Tell it no more",
    status_code=204,
    responses=problems(401, 403, 404),
)
def remove_subscription(
    request: Request, subscription_id: Annotated[str, Path(max_length=64)], caller: SignedIn
) -> Response:
    """By whoever made it, or by an operator."""
    services = services_of(request)
    by = None if "operator" in caller.account.roles else caller.account.user_id
    if not unsubscribe(services.database, services.site_id, subscription_id, by):
        raise Problem("not-found", "subscription_id")
    return Response(status_code=204)


@router.get("/{channel_id}", summary="One way out, with its newest tries", responses=problems(401, 404))
def one_channel(request: Request, channel_id: ChannelId, _caller: SignedIn) -> dict[str, Any]:
    """As in the list, and its last 50 tries: when, which kind of message, result, how long it took, receipt."""
    services = services_of(request)
    items = channel_items(services.database, services.site_id, services.channels)
    item = next((one for one in items if one["channel"] == channel_id), None)
    if item is None:
        raise Problem("not-found", "channel_id")
    return item | {"tries": channel_tries(services.database, services.site_id, channel_id)}


@router.post("/{channel_id}/test", summary="Test a way out", status_code=202, responses=problems(401, 403, 404, 409))
def test_one(request: Request, channel_id: ChannelId, caller: Annotated[Caller, Depends(operator)]) -> dict[str, Any]:
    """Sends a test to the technicians' address over this channel alone. The result is one of its tries. 409 where
    `[targets]` names no technicians.
    """
    services = services_of(request)
    return {"message_id": begin_test(services, channel_id, caller.account.user_id)}


def begin_test(services: Services, channel_id: str, account: str) -> int:
    """Put the test message out; its number. For the API and the page."""
    if channel_id not in services.channels:
        raise Problem("not-found", "channel_id")
    doors = _doors(services)
    if channel_id in {"sms", "voice", "email"} and not doors.technical:
        raise Problem("not-possible-now", "channel_id")
    message_id = test_channel(services.database, services.site_id, channel_id, services.clock())
    doors.wake()
    log.info("channel_test", channel=channel_id, account=account)
    return message_id


@router.post(
    "/{channel_id}/receipts", summary="A gateway's receipt", responses=problems(403, 404, 422), openapi_extra=ANY_BODY
)
async def receipt(request: Request, channel_id: ChannelId) -> dict[str, str]:
    """Delivered, failed or answered, for a message that went out. Sent twice it counts once; `unknown`: no message of
    ours, nothing changed.
    """
    services, options, content = await _through_the_door(request, channel_id, "forged_receipt")
    said = read_receipt(options, content)
    if said is None:
        raise Problem("bad-field", options.id_at)
    became = await run_in_threadpool(record_receipt, services.database, channel_id, said, services.clock())
    if became == "recorded":
        _doors(services).wake()
    log.info("channel_receipt", channel=channel_id, kind=said.kind, became=became)
    return {"result": became}


@router.post(
    "/{channel_id}/replies", summary="An SMS that came in", responses=problems(403, 404, 422), openapi_extra=ANY_BODY
)
async def reply(request: Request, channel_id: ChannelId) -> dict[str, str]:
    """`R17 1` = I take it, `R17 0` = I cannot (alerts/messages/sms_replies.py has all forms). The sender is answered by
    SMS; a stranger, or one whose alert somebody else has, changes nothing.
    """
    services, options, content = await _through_the_door(request, channel_id, "forged_reply")
    sender, text = found(content, options.reply_from), found(content, options.reply_text)
    if not sender or text is None:
        raise Problem("bad-field", options.reply_from if not sender else options.reply_text)
    doors, provider_id = _doors(services), found(content, options.reply_id) or ""
    became = await run_in_threadpool(doors.answers.reply, channel_id, sender, text, provider_id, services.clock())
    doors.wake()
    return {"result": became}


async def _through_the_door(request: Request, channel_id: str, forged: str) -> tuple[Services, DoorOptions, Any]:
    """What a gateway says, once it has proved who it is."""
    services = services_of(request)
    options = _doors(services).options.get(channel_id)
    if options is None:
        raise Problem("not-found", "channel_id")
    body = await request.body()
    if not is_genuine(options, request.headers, body, services.clock()):
        await run_in_threadpool(
            count_refusal, services.database, services.site_id, channel_id, forged, services.clock()
        )
        log.warning("outside_refused", channel=channel_id, reason=forged)
        raise Problem("forged", "channel_id")
    return services, options, parsed(body, request.headers.get("content-type", ""))


def _doors(services: Services) -> Doors:
    if services.doors is None:
        raise Problem("not-found", "channel_id")
    return services.doors
