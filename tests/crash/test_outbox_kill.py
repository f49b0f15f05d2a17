"""`kill -9` at every point between an alarm and the answer to it: nothing is lost, nothing is sent twice unmarked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import pytest
from sqlalchemy import update

from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from alerts.reads import queries
from alerts.schema.people import functions
from tests.crash.outbox_child import NATT_1, REPLY, gateway, raise_alarm
from tests.support.desk import NIGHT_MS, SITE, new_database, open_without_next_action, pressed
from tests.support.far_ends import FakeGateway
from tests.support.phones import Devices
from tests.support.servers import ROOT, python_environment

MARK = "(Kan være sendt før.)"
ALERT = pressed("p1", NIGHT_MS).alert_id
POINTS = {
    "effect": (1, 0),  # before the alarm is on disk: (what the phone got of the first ring, how many of it marked)
    "row": (1, 0),
    "attempt": (1, 1),  # on disk that we call, and then not called: we cannot know
    "call": (2, 1),  # the gateway has it and we died waiting
    "answered": (2, 1),
    "result": (1, 0),
    "acknowledgement": (1, 0),
    "act": (1, 0),
    "": (1, 0),
}


class DeadlyGateway(FakeGateway):
    """Kills whoever calls it, once it has what they say."""

    deadly = False

    def accept(self, request, body):
        answer = super().accept(request, body)
        if self.deadly:
            self.deadly = False
            os.kill(int(request.headers["x-pid"]), signal.SIGKILL)
        return answer


@pytest.fixture(scope="module")
def lives():
    """A process that lives one life after the other, each in a fork."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.crash.outbox_child"], cwd=ROOT, env=python_environment(), text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        given, said = process.stdin, process.stdout
        assert given is not None
        assert said is not None

        def live(path, url, point):
            given.write(json.dumps({"path": str(path), "url": url, "point": point}) + "\n")
            given.flush()
            return int(said.readline())

        yield live
        given.close()


@pytest.mark.parametrize("point", POINTS)
def test_killed_there_the_alarm_still_rings_and_the_answer_still_counts(tmp_path, lives, point):
    """After the restart the phone has it, a second time only where nobody could know, and then marked; no alert is
    without a next step; the answer that is repeated takes the alert, once.
    """
    database = new_database(tmp_path)
    with database.writer.begin() as conn:
        conn.execute(update(functions).where(functions.c.id == "natt-1").values(phone=NATT_1))
    database.close()
    with DeadlyGateway() as far_end:
        far_end.deadly = point == "call"
        ended = lives(database.path, far_end.url, point)
        _start_again(database, far_end.url)
        texts = [one.text for one in far_end.received(NATT_1)]
    alert = queries.alert(database, ALERT)
    rings = [text for text in texts if "noen må gå" in text]

    assert ended == (-signal.SIGKILL if point else 0)
    assert (len(rings), sum(MARK in ring for ring in rings)) == POINTS[point]
    assert alert is not None
    assert alert["handling"] == "claimed"
    assert [line["kind"] for line in alert["timeline"]].count("claimed") == 1
    assert open_without_next_action(database) == []
    assert {row["state"] for row in queries.outbox(database, ALERT)} <= {"sent", "cancelled"}
    assert texts[-1] == "R17: du har den."
    database.close()


def _start_again(database, url):
    """What the service does when it starts, and the gateway that repeats an SMS we never confirmed."""
    desk = Desk(database, SITE)
    outbox = Outbox(database, {"sms": gateway(url)}, Devices.reach())
    outbox.recover(NIGHT_MS + 2_000)
    raise_alarm(desk)
    outbox.run_once(NIGHT_MS + 2_000)
    PhoneAnswers(desk, Devices.reach()).reply("sms", NATT_1, "R17 1", REPLY, NIGHT_MS + 3_000)
    desk.tick(NIGHT_MS + 4_000)
    outbox.run_once(NIGHT_MS + 60_000)
