"""Edge: the demo's world: an invented ward that lives on the broker, and what the "Try it" page can make happen there.

The only module of the service that knows the simulators. Whatever it does goes out as a real MQTT message in the
device's own wire format, through the broker; nothing here touches receive, folds or desk. `demo_site` gives the site
file that `vardevakt demo` imports; with a site of one's own nobody is simulated, and the buttons speak for its devices.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from functools import partial
from typing import Any

import msgspec

from api.http.services import Services
from api.running.service import Service
from ingest.journal import JournalError
from ingest.record import HTTP, MQTT, STAFF, RawRecord
from rules.local_time import instant_ms
from simulators import doings, scenes
from simulators.doings import Sighting
from simulators.furniture import make_ward
from simulators.life import doings_in
from simulators.live_ward import LiveWard
from simulators.message import Message
from simulators.names import name_of
from simulators.site import site_yaml
from simulators.ward import CHIRPSTACK, VARDEVAKT, ZIGBEE, Gateway, Thing, Ward

ZONE = "Europe/Oslo"
INTERVAL_S = 60  # the demo's gateways report each minute, so that an unplugged one is missed soon
ACT_TIMEOUT_S = 5.0
OURS_MAX = 50_000
SHOWN_MAX = 6  # buttons of one kind on the page
DAY_MS = 86_400_000
ZIGBEE_DEFAULT = "zigbee2mqtt:bridge"


def demo_site(seed: int = 1) -> str:
    """The invented ward as a site file (YAML)."""
    return site_yaml(make_ward(seed, interval_s=INTERVAL_S))


class Action(msgspec.Struct, frozen=True):
    """One button of the page."""

    id: str
    group: str  # a code of words `try_group`
    subject_label: str


class Demo:
    """See the module. Lives until `close`."""

    def __init__(
        self, service: Service, services: Services, *, seed: int = 1, quiet: bool = False, simulate: bool = True
    ) -> None:
        """`quiet`: the ward lives from now on at true speed; `simulate` False: it serves a site of one's own."""
        self._services, self._broker = services, service.parts.broker
        self._simulated = simulate
        self.ward = make_ward(seed, interval_s=INTERVAL_S) if simulate else ward_of_site(services)
        self._things = {thing.id: thing for thing in self.ward.things}
        self._ours = _Ours()
        self._raw_seq = services.raw_log.last_seq()  # what comes after this and is not ours is from outside
        self._paste = ("", "", "")
        self._up_until_ms: dict[str, int] = {}
        self._life: LiveWard | None = None
        if self._broker is not None:
            self._life = LiveWard(
                self.ward, f"mqtt://127.0.0.1:{self._broker.port}", local_instant, services.clock, quiet=quiet,
                simulate=simulate, ready=self._heard, outside=self._outside, sending=self._ours.add,
            )  # fmt: skip
            self._life.start()

    def close(self) -> None:
        """Everybody falls silent."""
        if self._life is not None:
            self._life.stop()

    @property
    def hurries(self) -> bool:
        """Whether the simulated clock still runs fast."""
        return self._life is not None and self._simulated and not self._life.caught_up

    # -- the page ---------------------------------------------------------------------------------------------

    def actions(self) -> Sequence[Action]:
        """What can be made to happen now."""
        if self._life is None:
            return []
        found = [*self._things_to_try()]
        out = self._life.unplugged
        for gateway in self.ward.gateways:
            group = "plug_gateway" if gateway.id in out else "unplug_gateway"
            found.append(Action(f"{group.partition('_')[0]}-{gateway.id}", group, gateway.id))
        if self._broker is not None:
            group = "stop_broker" if self._broker.running else "start_broker"
            found.append(Action(group.replace("_", "-"), group, f"127.0.0.1:{self._broker.port}"))
        return found

    async def run(self, action_id: str) -> None:
        """Make it happen; returns when the broker has acknowledged it, or after 5 s. KeyError for an unknown id."""
        kind, _, name = action_id.partition("-")
        life, broker = self._life, self._broker
        if life is None or broker is None:
            raise KeyError(action_id)
        if action_id in {"stop-broker", "start-broker"}:
            await asyncio.to_thread(broker.stop if kind == "stop" else broker.start)
            return
        if kind in {"plug", "unplug"}:
            self.ward.gateway(name)
            future = life.plug(name) if kind == "plug" else life.unplug(name)
        elif kind == "bed":
            future = life.do(partial(self._leave_bed, self._things[name]), hush_ms=scenes.BACK_AFTER_MS)
        else:
            future = life.do(partial(_SCENES[kind], self._things[name]))
        with_limit = asyncio.wait_for(asyncio.wrap_future(future), ACT_TIMEOUT_S)
        try:
            await with_limit
        except TimeoutError:
            return  # the broker is away: it goes out when it is back

    def paste_line(self, http_url: str = "", mqtt_url: str = "", token: str = "") -> str:
        """Lines for a terminal, each of which publishes an alarm. What was given once is remembered."""
        if http_url:
            self._paste = (http_url, mqtt_url, token)
        http, _, token = self._paste
        calls = [thing for thing in self.ward.things if thing.convention == VARDEVAKT and thing.role in _CALLS]
        if not calls or self._broker is None:
            return ""
        said = {"type": "alarm.pressed", "trigger": calls[0].role}
        topic = f"vardevakt/1/{calls[0].name}/event"
        lines = [f"mosquitto_pub -p {self._broker.port} -q 1 -t {topic} -m '{json.dumps(said)}'"]
        if http:
            body = json.dumps({"address": calls[0].address, **said})
            lines.append(f"curl -H 'Authorization: Bearer {token}' -d '{body}' {http}/api/v1/events")
        return "\n".join(lines)

    # -- acts -------------------------------------------------------------------------------------------------

    def _things_to_try(self) -> list[Action]:
        found: dict[str, list[Action]] = {}
        for thing in self.ward.things:
            for kind, group in _kinds_of(thing, self.ward):
                shown = found.setdefault(group, [])
                if len(shown) < SHOWN_MAX:
                    shown.append(Action(f"{kind}-{thing.id}", group, self._label(thing, kind)))
        return [action for group in _GROUPS for action in found.get(group, ())]

    def _label(self, thing: Thing, kind: str) -> str:
        """Invented names only: those of a site of one's own are read, and logged, elsewhere."""
        owner = next((person for person in self.ward.residents if person.id == thing.resident), None)
        who = name_of(owner.number) if owner is not None else thing.resident or thing.home
        return f"{who} (−19 min)" if kind == "bed" else f"{who} · {thing.id}"

    def _leave_bed(self, thing: Thing, now_ms: int) -> list[Sighting]:
        if now_ms < self._up_until_ms.get(thing.id, 0):
            return []  # is up already
        self._up_until_ms[thing.id] = now_ms + scenes.BACK_AFTER_MS
        changed_ms, in_bed = now_ms - DAY_MS, False
        for doing in doings_in(self.ward, now_ms - DAY_MS, now_ms, local_instant) if self._simulated else ():
            if doing.resident == thing.resident and doing.what in {doings.BED_LEFT, doings.BED_ENTERED}:
                changed_ms, in_bed = doing.at_ms, doing.what == doings.BED_ENTERED
        return scenes.leave_bed(thing, now_ms, changed_ms, in_bed=in_bed)

    # -- what the ward asks -----------------------------------------------------------------------------------

    def _heard(self, since_ms: int) -> bool:
        """Whether the service listens: its canary has come round since, so its subscriptions stand. A broker that was
        stopped has forgotten them, and acknowledges what then reaches nobody.
        """
        feed = self._services.feed
        return feed.connected and feed.last_canary_ms is not None and feed.last_canary_ms > since_ms

    def _outside(self) -> bool:
        """Whether somebody else has spoken or acted since the ward began."""
        try:
            rows = self._services.raw_log.read(self._raw_seq, 1_000)
        except (JournalError, sqlite3.Error):
            return False  # the service is going down
        self._raw_seq = rows[-1].seq if rows else self._raw_seq
        return any(row.kind in {HTTP, STAFF} or (row.kind == MQTT and not self._ours.knows(row)) for row in rows)


class _Ours:
    """Digests of what the ward has published, the newest OURS_MAX."""

    def __init__(self) -> None:
        self._seen: dict[bytes, None] = {}

    def add(self, message: Message) -> None:
        self._seen[_digest(message.topic, message.payload)] = None
        if len(self._seen) > OURS_MAX:
            del self._seen[next(iter(self._seen))]

    def knows(self, row: RawRecord) -> bool:
        """Also what the service itself publishes: commands to devices."""
        return row.topic.endswith("/command") or _digest(row.topic, row.payload) in self._seen


def _digest(topic: str, payload: bytes) -> bytes:
    return hashlib.blake2b(topic.encode() + b"\0" + payload, digest_size=8).digest()


def local_instant(day: date, minutes: int) -> int:
    """The instant of a wall-clock time in the invented ward; local time is rules', which simulators may not import."""
    return instant_ms(day, minutes, ZONE)


_CALLS = ("pendant", "wrist", "cord", "panic", "button")
_GROUPS = ("press_pendant", "pull_cord", "fall", "leave_bed", "miss_dose")
_SCENES: dict[str, Callable[[Thing, int], list[Sighting]]] = {
    "press": scenes.press, "fall": scenes.fall, "dose": scenes.miss_dose,
}  # fmt: skip


def _kinds_of(thing: Thing, ward: Ward) -> list[tuple[str, str]]:
    """(kind of action, group of the page) that this device can be part of."""
    kinds = []
    if thing.role in _CALLS:
        kinds.append(("press", "pull_cord" if thing.role == "cord" else "press_pendant"))
    native = thing.convention == VARDEVAKT
    if (native and thing.role == "pendant") or (thing.convention == ZIGBEE and thing.role == "radar"):
        kinds.append(("fall", "fall"))
    keeps_bed = [person.id for person in ward.residents if person.keeps_bed]
    if thing.role == "bed" and thing.resident and (thing.resident in keeps_bed or not ward.residents):
        kinds.append(("bed", "leave_bed"))
    if native and thing.role == "dispenser":
        kinds.append(("dose", "miss_dose"))
    return kinds


def ward_of_site(services: Services) -> Ward:
    """Devices and gateways of the site at the desk that the simulators can speak for; nobody lives there."""
    gateways: dict[str, Gateway] = {}
    for item in services.settings_store.list("gateway"):
        convention = str(item["address"]).partition(":")[0]
        if convention in {VARDEVAKT, ZIGBEE, CHIRPSTACK}:
            gateways[item["id"]] = Gateway(item["id"], item["address"], convention, item.get("home") or "")
    things = [thing for item in services.settings_store.list("device") if (thing := _thing(item, gateways))]
    return Ward(0, INTERVAL_S, (), (), tuple(gateways.values()), tuple(things))


def _thing(item: dict[str, Any], gateways: dict[str, Gateway]) -> Thing | None:
    convention, _, name = str(item["address"]).partition(":")
    gateway = gateways.get(item.get("gateway") or "")
    if gateway is None or gateway.convention != convention:
        gateway = next((one for one in gateways.values() if one.convention == convention), None)
    if gateway is None or not item.get("role"):
        return None
    return Thing(
        item["id"], convention, name, gateway.id, item.get("home") or "", item["role"], item.get("model"),
        item.get("room"), item.get("resident"),
    )  # fmt: skip
