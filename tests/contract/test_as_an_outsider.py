"""One service with everything in it, used as somebody would who has read README, `--help` and contracts, and no code.

Gateways publish over MQTT, programs use HTTP and the command line beside the running service. Tests share the service
and stand in the order of a night; each has a resident of its own.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import pytest

from api.cli.commands import run
from api.http.wire import utc_text
from ingest.record import FEED, RawRecord
from tests.support.running_service import RunningService, running_service
from tests.support.servers import ROOT, python_environment
from tests.support.waiting import wait_until

SITE_FILE = """
site: {id: solbakken, name: Solbakken, timezone: Europe/Oslo, language: nb}
wards: [{id: nord, name: Nord, arrival_goal: 30 min}]
homes: [{id: h1, ward: nord, kind: own_home}, {id: h2, ward: nord, kind: own_home}, {id: h3, ward: nord}]
residents:
  - {id: r1, home: h1, name: Kari Nordmann, born: 1938-04-02, phone: "+4799999999", critical: true, risks: [fall]}
  - {id: r2, home: h2, name: Solveig Lindgren, born: 1941-09-12}
  - {id: r3, home: h3, name: Torbjørn Lie}
gateways: [{id: gw-1, home: h1, address: "vardevakt:gw-1", interval: 5 min}]
devices:
  - {id: d1, address: "vardevakt:gw-1/pendant-7", role: pendant, resident: r1, gateway: gw-1}
  - {id: d2, address: "vardevakt:gw-1/mat", role: bed, room: bedroom, resident: r1, gateway: gw-1}
  - {id: d3, address: "vardevakt:gw-2/pendant-1", role: pendant, resident: r2}
  - {id: d4, address: "vardevakt:gw-3/pendant-1", role: pendant, resident: r3}
functions: [{id: natt-1, ward: nord, name: Natt 1}, {id: natt-2, ward: nord, name: Natt 2}]
staff:
  - {id: s1, name: Ola, functions: [natt-1], role: carer}
  - {id: s2, name: Ida, functions: [natt-2], role: carer}
"""
ACTS_OF_STAFF = ("handling", "outcome", "closed_at", "incident_id")  # in a replay nobody acts
PERSONAL = ("Kari", "Nordmann", "Solveig", "Lindgren", "Torbjørn", "99999999")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """A broker, a service and its site."""
    with running_service(tmp_path_factory.mktemp("outsider")) as running:
        running.import_site(SITE_FILE)
        yield running


def act(service: RunningService, alert_id: str, name: str, key: str, **body: Any) -> tuple[int, Any]:
    """One act as contracts §6 has it: a machine key for somebody, and a key of its own."""
    answer = service._http.post(
        f"/api/v1/alerts/{alert_id}/{name}", json={"staff": "s1"} | body, headers={"Idempotency-Key": key}
    )
    return answer.status_code, answer.json()


class Answered(NamedTuple):
    """What one command ended with."""

    returncode: int
    stdout: str
    stderr: str


def command(*words: str) -> Answered:
    """The command line beside the running service; in this process, as a Python's start costs more than any of them.

    Commands in a process of their own beside a service in its own: test_cli_beside_service.py, and `migrate` below.
    """
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(list(words))
    return Answered(code, out.getvalue(), err.getvalue())


def test_two_take_it_one_has_it_and_it_ends_only_after_contact(service):
    """Press, race, 409 without contact, contact with no more than `staff`, end, document: contracts §6."""
    service.publish("vardevakt/1/gw-2/pendant-1/event", {"type": "alarm.pressed", "id": "1"})
    (alert,) = service.alerts("r2")
    alert_id = alert["alert_id"]
    together = threading.Barrier(2)

    def claim(staff: str) -> tuple[int, Any]:
        together.wait(10)
        return act(service, alert_id, "claim", f"claim-{staff}", staff=staff)

    with ThreadPoolExecutor(2) as pool:
        answers = dict(zip(("s1", "s2"), pool.map(claim, ("s1", "s2")), strict=True))
    (winner,) = [staff for staff, (status, _) in answers.items() if status == 200]
    (lost,) = [problem for status, problem in answers.values() if status == 409]
    assert lost["alert"]["claimed_by"]["staff"] == winner

    def mine(name: str, key: str, **body: Any) -> int:
        return act(service, alert_id, name, key, staff=winner, **body)[0]

    assert mine("claim", "again") == 200
    assert mine("end", "early") == 409
    assert [mine("contact", "c"), mine("end", "e")] == [200, 200]
    assert mine("document", "d", cause="mistake", action="none", contact="phone") == 200
    status, shown = service.http("GET", f"alerts/{alert_id}")
    assert (status, shown["handling"]) == (200, "documented")


def test_the_live_stream_goes_on_where_it_was_left(service):
    """`Last-Event-ID` brings every change since, in order, each once."""
    first = service.http("GET", "alerts?subject=r2&state=all")[1]["items"][0]
    with service._http.stream("GET", "/api/v1/live", headers={"Last-Event-ID": "1"}) as answer:
        ids, refs, kind = [], [], ""
        for line in answer.iter_lines():
            kind = line.partition(": ")[2] if line.startswith("event: ") else kind
            if kind == "beat":
                break
            if line.startswith("id: ") and kind != "hello":
                ids.append(int(line[4:]))
            if line.startswith("data: ") and kind == "alert":
                refs.append(json.loads(line[6:])["ref"])

    assert ids == sorted(set(ids))
    assert ids[0] == 2
    assert first["alert_id"] in refs


def test_a_setting_is_in_force_after_its_echo(service):
    """A plan, a pause and a measure: saved with 201, and "in force" once the fold has seen them."""
    day_ms, now_ms = 86_400_000, service.up.services.clock()
    wanted = {
        "plan": {"rule": "R05", "set": {"for": "40 min"}, "from": "2026-01-01", "until": "2030-01-01", "why": "1"},
        "pauses": {"rules": ["R05"], "from": utc_text(now_ms), "until": utc_text(now_ms + day_ms), "reason": "other"},
        "measures": {
            "service": "digital_supervision", "decision": "1", "basis": "consent", "from": "2026-01-01",
            "until": "2030-01-01",
        },
    }  # fmt: skip
    for what, body in wanted.items():
        status, answer = service.http("POST", f"residents/r3/{what}", json.dumps(body).encode())
        assert status == 201, answer

    def in_force() -> list[bool]:
        return [item["in_force"] for what in wanted for item in service.http("GET", f"residents/r3/{what}")[1]["items"]]

    wait_until(lambda: in_force() == [True] * 3, "the echo of the settings")
    status, problem = service.http("POST", "residents/r3/pauses", b'{"rules": ["R05"], "until_at": "x"}')
    assert status == 422
    assert "_ms" not in json.dumps(problem), "only the names that people write"


def test_every_read_of_a_person_is_logged(service):
    """Each way to look at somebody leaves a row that says who, what and why."""
    for path in ("", "/timeline", "/series?metric=temperature", "/plan", "/pauses", "/measures"):
        assert service.http("GET", f"residents/r3{path}")[0] == 200
    service.alerts("r3")
    rows = service.http("GET", "residents/r3/access-log")[1]["items"]

    assert {"card", "timeline", "series", "plan", "pauses", "measures", "alerts"} <= {row["what"] for row in rows}
    assert all(row["who"].startswith("key:") and row["why"] == "integration" for row in rows)


def test_the_command_line_looks_beside_the_service_and_does_not_write(service, tmp_path):
    """`site export` answers, `user add` asks the service to do it, and `migrate` is refused in one line with exit 2."""
    data, password = str(service.parts.database.path.parent), tmp_path / "password"
    password.write_text("correct horse battery")
    exported = command("site", "export", "--data", data)
    added = command(
        "user", "add", "ola", "--name", "Ola", "--role", "carer", "--password-file", str(password), "--data", data
    )
    migrated = subprocess.run(
        [sys.executable, "-m", "api.cli", "migrate", "--data", data], cwd=ROOT, env=python_environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert exported.returncode == 0
    assert "Kari Nordmann" in exported.stdout
    assert added.returncode == 0, added.stderr
    assert "ola" in {account.user_id for account in service.up.services.accounts.users()}
    assert migrated.returncode == 2
    assert migrated.stderr.splitlines() == [f"vardevakt: a service is running on {data}: stop it first"]


def test_figures_name_nobody(service):
    """/metrics holds neither people, nor their ids, nor addresses of their devices."""
    figures = service._http.get("/metrics").text

    assert "vardevakt_" in figures
    assert [word for word in (*PERSONAL, '"r1"', "pendant-7", "gw-1") if word in figures] == []


def test_a_dead_letter_is_seen_and_tried_again(service):
    """What nobody could read has its bytes and reason, an alert to a person, and goes through once more on demand."""
    (row,) = service.publish("vardevakt/1/gw-3/pendant-1/event", b"not json")
    (letter,) = service.dead_letters(row.seq)
    status, answer = service.http("POST", f"dead-letters/{letter['id']}/replay")
    service.settle(answer["raw_seq"])

    assert (letter["payload"], letter["reason"], status) == ("not json", "not_json", 202)
    assert len(service.dead_letters(answer["raw_seq"])) == 1
    assert [alert["rule"] for alert in service.alerts("r3")].count("R43") >= 1


def test_a_recording_of_the_live_service_gives_the_same_alerts(service, tmp_path):
    """Promise 2: record beside the service, replay with the same site file: same alerts, same whys, byte for byte.

    Only what people did is not in it.
    """
    said: list[tuple[str, Any]] = [
        ("gw-1/status", {"online": True, "interval_seconds": 300}),
        ("gw-1/pendant-7/event", {"type": "alarm.pressed", "id": "7-1", "trigger": "pendant"}),
        ("gw-1/pendant-7/event", {"type": "alarm.pressed", "id": "7-1", "trigger": "pendant"}),
        ("gw-1/pendant-7/event", {"type": "alarm.pressed"}),
        ("gw-1/pendant-7/event", {"type": "alarm.invented", "id": "7-2"}),
        ("gw-1/pendant-7/event", [{"type": "smoke.alarm", "id": "7-3"}, {"type": "battery.low", "percent": 5}]),
        ("gw-1/mat/state", {"type": "bed.left", "id": "m-1"}),
        ("gw-9/stranger/event", {"type": "epilepsy.started", "id": "9-1"}),
        ("gw-1/pendant-7/event", {"type": "dose.missed", "id": "7-4", "dose_id": "x"}),
    ]
    for topic, body in said:
        service.publish(f"vardevakt/1/{topic}", body)
    service.http("POST", "events", b'{"address": "vardevakt:gw-1/pendant-7", "type": "fall.confirmed", "id": "7-5"}')
    fact = b'{"type":"feed.lost","from_ms":1,"to_ms":2}'
    service.settle(service.parts.receiver.submit_many([RawRecord(0, FEED, payload=fact)]).result(10))
    live = {one["alert_id"]: one for one in service.http("GET", "alerts?state=all&limit=200")[1]["items"]}
    data, recording, site, out = (tmp_path / name for name in ("data", "live.jsonl.gz", "site.yaml", "alerts.jsonl"))
    data.symlink_to(service.parts.database.path.parent)
    site.write_text(SITE_FILE)

    recorded = command(
        "record", str(recording), "--since", "2020-01-01T00:00:00Z", "--until", "2100-01-01T00:00:00Z", "--data",
        str(data),
    )  # fmt: skip
    assert recorded.returncode == 0, recorded.stderr
    replayed = command("replay", str(recording), "--site", str(site), "--alerts", str(out), "--json")
    assert replayed.returncode == 0, replayed.stderr

    again = {one["alert_id"]: one for one in map(json.loads, out.read_text().splitlines())}
    assert {one["rule"] for one in again.values()} >= {"R01", "R03", "R22", "R29", "R43"}
    assert again.keys() == live.keys()
    different = {
        (one["rule"], name, json.dumps(live[key][name]), json.dumps(value))
        for key, one in again.items()
        for name, value in one.items()
        if name not in ACTS_OF_STAFF and live[key][name] != value
    }
    assert different == set()
    by_nobody = [key for key, one in live.items() if one["subject_id"] == "r1"]
    assert [live[key]["incident_id"] for key in by_nobody] == [again[key]["incident_id"] for key in by_nobody]
    feed = [row.payload for row in service.parts.journal.raw.read(0, 10_000) if row.kind == FEED]
    assert json.loads(replayed.stdout)["inputs"] >= len(feed) > 0


def test_anybody_who_may_look_can_ask_why(service):
    """The API and the command line beside the running service answer from the log, and the read is written down."""
    service.publish("vardevakt/1/gw-1/mat/event", {"type": "bed.left", "id": "why-1"})
    service.publish("vardevakt/1/gw-3/pendant-1/event", {"type": "alarm.pressed", "id": "why-2"})
    alert = service.alerts("r3")[0]
    of_alert = service._http.get(f"/api/v1/alerts/{alert['alert_id']}/explanation").json()
    asked = service._http.get("/api/v1/rules/R05/explanation", params={"subject": "r1"}).json()
    looked = service._http.get("/api/v1/residents/r1/access-log").json()["items"]
    told = command(
        "rules",
        "explain",
        "--rule",
        "R05",
        "--subject",
        "r1",
        "--data",
        str(service.parts.database.path.parent),
        "--json",
    )

    assert (of_alert["rule"], of_alert["conclusion"]) == (alert["rule"], "told")
    assert alert["alert_id"] in [said["alert_id"] for said in of_alert["said"]]
    assert (asked["rule"], asked["conclusion"]) == ("R05", "not_watched"), "nobody has decided on it for her"
    assert "explanation" in {row["what"] for row in looked}
    assert told.returncode == 0, told.stderr
    assert {**json.loads(told.stdout), "at": ""} == {**asked, "at": ""}
    assert service._http.get("/api/v1/rules/R05/explanation", params={"subject": "r99"}).status_code == 404
