"""The demo as a visitor meets it: the wired service with its own broker, and buttons that make real messages."""

from __future__ import annotations

import asyncio
import shlex
import time

import httpx2
import pytest

from alerts.database import migrate, open_database
from alerts.reads import queries
from alerts.site import importer as site_import
from alerts.site.file import loads
from alerts.site.settings_store import SettingsStore
from api.demo import Demo, demo_site
from api.wiring import Options, running
from tests.support.simulated import BOOK

pytest.importorskip("iotcore", reason="no iotcore wheel for this machine: needs glibc Linux or macOS")
OWN_SITE = """
site: {id: mine, name: Mine, timezone: Europe/Oslo}
wards: [{id: w1, name: Ward}]
homes: [{id: h1, ward: w1}]
residents: [{id: r1, home: h1, name: Somebody}]
gateways: [{id: g1, home: h1, address: "vardevakt:g1", interval: 5 min}]
devices: [{id: d1, address: "vardevakt:g1/button", role: pendant, resident: r1, gateway: g1}]
"""


class Shown:
    """A demo that is up, asked through its database."""

    def __init__(self, up):
        self.up, self.demo = up, up.services.demo

    def alerts(self, subject):
        items = queries.alerts(self.up.services.database, limit=200)["items"]
        return [(one["priority"], one["rule"], one["condition"]) for one in items if one["subject_id"] == subject]

    async def until(self, condition, what):
        deadline = time.monotonic() + 15
        while not condition():
            assert time.monotonic() < deadline, f"{what} did not happen"
            await asyncio.sleep(0.05)


def demo_of(tmp_path, text, **how):
    """A demo over a site file, as `vardevakt demo` makes it."""
    site = loads(text.encode(), "site.yaml")
    migrate(tmp_path / "desk.db")
    database = open_database(tmp_path / "desk.db")
    site_import.apply(SettingsStore(database, site.site_id), site, now_ms=time.time_ns() // 1_000_000)
    database.close()
    options = Options(site_id=site.site_id, data=tmp_path, http_port=0, mqtt_port=0, book=BOOK)
    return running(options, make_demo=lambda service, services: Demo(service, services, **how))


async def test_every_kind_of_button_does_what_it_says(tmp_path):
    """Press, fall, missed dose, unplugged gateway and stopped broker each show on the board in their own way."""
    async with demo_of(tmp_path, demo_site(1), quiet=True) as up:
        shown = Shown(up)
        demo = shown.demo
        groups = {action.group for action in demo.actions()}
        assert {
            "press_pendant",
            "pull_cord",
            "fall",
            "leave_bed",
            "miss_dose",
            "unplug_gateway",
            "stop_broker",
        } == groups

        await demo.run("press-d3-sos-button")  # zigbee2mqtt
        await demo.run("press-d5-button-1")  # chirpstack
        await demo.run("press-d6-cord")  # our own
        await demo.run("dose-d1-dispenser-r1")
        for subject in ("r4", "r9", "r10"):
            await shown.until(
                lambda who=subject: ("P1", "R01", "momentary") in shown.alerts(who), f"press of {subject}"
            )
        await shown.until(lambda: ("P3", "R22", "active") in shown.alerts("r1"), "the missed dose")

        await demo.run("unplug-gw-9")
        await shown.until(lambda: ("P2", "R52", "active") in shown.alerts("r16"), "protection lost")
        await demo.run("press-d9-pendant")
        assert [action.group for action in demo.actions() if action.id.endswith("-gw-9")] == ["plug_gateway"]
        await demo.run("plug-gw-9")
        await shown.until(lambda: ("P1", "R01", "momentary") in shown.alerts("r16"), "the press that was kept")
        await shown.until(lambda: ("P2", "R52", "cleared") in shown.alerts("r16"), "protection restored")

        await demo.run("stop-broker")
        await demo.run("press-d13-pendant")
        assert [action.id for action in demo.actions() if "broker" in action.id] == ["start-broker"]
        await demo.run("start-broker")
        await shown.until(lambda: ("P1", "R01", "momentary") in shown.alerts("r20"), "the press meanwhile")

        with pytest.raises(KeyError):
            await demo.run("press-nothing")
        with pytest.raises(KeyError):
            await demo.run("dance-d1-pendant")
        demo.close()


async def test_the_line_to_paste_publishes_an_alarm_and_ends_the_hurry(tmp_path):
    """The curl line as printed gives a P1, and the ward that was six hours behind shows true time."""
    async with demo_of(tmp_path, demo_site(2)) as up:
        shown = Shown(up)
        demo = shown.demo
        token = up.services.accounts.create_machine_key("demo", ["carer", "operator"], up.services.clock())
        assert demo.paste_line().startswith("mosquitto_pub ")
        line = demo.paste_line(up.http_url, up.mqtt_url or "", token).splitlines()[1]
        assert line in demo.paste_line()
        await shown.until(lambda: up.services.raw_log.last_seq() > 20, "the ward")
        assert demo.hurries

        words = shlex.split(line)
        assert words[0] == "curl"
        header, body, address = words[2].split(": ", 1), words[4], words[5]
        async with httpx2.AsyncClient() as client:
            answer = await client.post(address, content=body, headers={header[0]: header[1]})

        assert answer.status_code == 202
        await shown.until(lambda: ("P1", "R01", "momentary") in shown.alerts("r1"), "the alarm")
        await shown.until(lambda: not demo.hurries, "catching up")
        demo.close()


async def test_a_site_of_ones_own_is_left_alone(tmp_path):
    """Nobody is simulated there: nothing is sent until a button is pressed, which speaks for that site's device."""
    async with demo_of(tmp_path, OWN_SITE, quiet=True, simulate=False) as up:
        shown = Shown(up)
        await shown.until(lambda: shown.demo._life._open, "the connection")
        before = [row for row in up.services.raw_log.read(0, 1_000) if row.kind == "mqtt"]

        assert before == []
        assert [action.id for action in shown.demo.actions()][:2] == ["press-d1", "fall-d1"]
        await shown.demo.run("press-d1")
        await shown.until(lambda: ("P1", "R01", "momentary") in shown.alerts("r1"), "the press")
        shown.demo.close()
