"""The one place that decides which wards an account looks into and acts in (`Account.wards`; None = the whole site).

Theory of operation. Whatever a request is about it names: in its path, its query, or its body. `NAMES` says what each
of those names means, and `within_wards` stands before every route of API and board (`guarded_router`): what lies
outside the caller's wards is refused there, before the route runs, with 403 `wrong-role` and the name at fault. A name
that means nobody stands in `ABOUT_NOBODY`; a path parameter that is in neither list fails tests/contract/test_wards.py,
so that a new route cannot forget. Lists and streams, which name nobody, are cut by `WardScope.keep` and
`WardScope.changes`.

A thing of no ward is everybody's (alerts/reads/belonging.py). What does not exist passes, and the route says that it is
not there. POST /events is not asked: handing in an alarm reads nothing, and must never be refused for who hands it in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter, Depends, Request
from fastapi.concurrency import run_in_threadpool

from alerts.reads.belonging import Belonging, Wards
from api.http.auth import SAFE_METHODS, Caller, caller_or_none, services_of
from api.http.problems import Problem
from api.http.services import Services
from ingest.event import Rejected
from ingest.json_input import read_json

NAMES = {
    "alert_id": "alert", "resident_id": "resident", "resident": "resident", "subject": "subject",
    "device_id": "device", "device": "device", "home_id": "home", "home": "home", "gateway_id": "gateway",
    "gateway": "gateway", "ward": "ward", "test_id": "test_session", "session_id": "test_session",
    "pause_id": "pause", "item_id": "setting", "letter_id": "dead_letter",
    "contact_id": "contact", "policy_id": "policy",
    "shift_id": "shift", "entry_id": "rota_entry", "phone_id": "phone",
    "outage_id": "outage", "silence_id": "silence",
}  # fmt: skip
"""What a name in a path, query or body stands for."""
ABOUT_NOBODY = frozenset(
    {"act", "what", "kind", "rule_id", "count", "path", "number", "action_id", "channel_id", "subscription_id", "token"}
)
"""Path parameters that name neither a person nor anything of theirs."""
OF_PATH = {"plan": "plan", "pauses": "pause", "measures": "measure"}  # `what` of a path -> kind of its `item_id`
FREE = frozenset({"/api/v1/events"})
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
DIGITS_MAX = 18


class WardScope:
    """What one caller sees. Cheap to make; reads only for accounts that are bound to wards."""

    def __init__(self, services: Services, wards: Iterable[str] | None) -> None:
        self.wards = None if wards is None else frozenset(wards)
        self._services = services
        self._belonging = Belonging(services.database, services.site_id)

    def sees(self, wards: Wards | None) -> bool:
        """The decision: nobody's wards are everybody's, else one of them must be the caller's."""
        return self.wards is None or not wards or not self.wards.isdisjoint(wards)

    def check(self, names: Iterable[tuple[str, str, str]]) -> None:
        """Refuse what lies outside: (name in the request, what it stands for, its value)."""
        if self.wards is None:
            return
        for name, kind, value in names:
            if not self.sees(self._wards_of(kind, value)):
                raise Problem("wrong-role", name)

    def keep(self, kind: str, items: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Items of a list that the caller sees: of kind `ward` and `home` by their own id, others by whom they name."""
        found = [dict(one) for one in items]
        if self.wards is None:
            return found
        if kind in {"ward", "home", "resident", "device", "gateway", "function", "phone", "outage", "silence"}:
            return [one for one in found if self.sees(self._belonging.wards_of(kind, str(one["id"])))]
        return [one for one in found if self.sees(self._belonging.wards_of_item(one))]

    def keep_addresses(self, addresses: Iterable[str]) -> list[str]:
        """Addresses that speak in the caller's wards, and those of nobody."""
        return [one for one in addresses if self.wards is None or self.sees(self._belonging.wards_of_address(one))]

    def changes(self, rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        """Rows of the live stream that the caller may hear of."""
        if self.wards is None:
            return list(rows)
        alerts = self._belonging.wards_of_alerts(row["ref"] for row in rows if row["kind"] == "alert")
        return [row for row in rows if self._hears(row, alerts)]

    def _hears(self, row: Mapping[str, Any], alerts: Mapping[str, Wards]) -> bool:
        """Of what cannot be placed any more, a stranger hears nothing."""
        if row["kind"] == "health":
            return True
        if row["kind"] == "alert":
            found = alerts.get(row["ref"])
        elif row["kind"] == "setting":
            kind, _, item_id = str(row["ref"]).partition("/")
            found = self._belonging.wards_of(kind, item_id)
        else:
            found = self._belonging.wards_of_subject(str(row["ref"]))
        return found is not None and self.sees(found)

    def _wards_of(self, kind: str, value: str) -> Wards | None:
        if kind == "subject":
            return self._belonging.wards_of_subject(value)
        if kind == "dead_letter":
            return self._wards_of_letter(value)
        return self._belonging.wards_of(kind, value)

    def _wards_of_letter(self, letter_id: str) -> Wards | None:
        row, _, item = letter_id.partition("-")
        if not (row.isascii() and row.isdigit() and item.isascii() and item.isdigit() and len(row) <= DIGITS_MAX):
            return None
        letters = self._services.input_log.dead_letters(int(row) + 1, 1)
        mine = (self._belonging.wards_of_address(one.address) for one in letters if one.raw_seq == int(row))
        return next((wards for wards in mine if not self.sees(wards)), None)


def scope_of(request: Request) -> WardScope:
    """The scope of whoever asks, once `signed_in` or `within_wards` has found out who that is; made once a request."""
    state = request.scope.setdefault("state", {})
    caller: Caller | None = state.get("caller")
    if "ward_scope" not in state:
        state["ward_scope"] = WardScope(services_of(request), () if caller is None else caller.account.wards)
    scope: WardScope = state["ward_scope"]
    return scope


async def within_wards(request: Request) -> None:
    """Dependency of every route: refuse what the request names outside the caller's wards. Who asks is not refused
    here; that is the route's own word (401).
    """
    named = list(_named(request))
    if (not named and request.method in SAFE_METHODS) or request.url.path in FREE:
        return
    caller = await caller_or_none(request)
    if caller is None or caller.account.wards is None:
        return
    named += await _named_in_body(request)
    if named:
        await run_in_threadpool(scope_of(request).check, named)


def guarded_router(**options: Any) -> APIRouter:
    """The router of every module of routes: APIRouter's own options, and `within_wards` before each route."""
    return APIRouter(dependencies=[Depends(within_wards)], **options)


def _named(request: Request) -> Iterator[tuple[str, str, str]]:
    for name, value in (*request.path_params.items(), *request.query_params.multi_items()):
        if name in NAMES and value:
            yield name, _kind(name, request.path_params), str(value)


def _kind(name: str, path: Mapping[str, Any]) -> str:
    if name != "item_id":
        return NAMES[name]
    return str(path.get("kind") or OF_PATH.get(str(path.get("what")), ""))


async def _named_in_body(request: Request) -> list[tuple[str, str, str]]:
    """What a form or a JSON object names. One that cannot be read names nobody: the route refuses it."""
    if request.method in SAFE_METHODS:
        return []
    if request.headers.get("content-type", "").startswith(FORMS):
        fields: Iterable[tuple[str, Any]] = (await request.form()).multi_items()
    else:
        value = read_json(await request.body(), may_be_alarm=False)
        fields = () if isinstance(value, Rejected) or not isinstance(value, dict) else value.items()
    return [
        (name, NAMES[name], value)
        for name, value in fields
        if name in NAMES and name != "item_id" and isinstance(value, str) and value
    ]
