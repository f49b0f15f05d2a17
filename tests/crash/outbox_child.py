"""A desk that sends one alarm and hears one answer, and dies at a named point: `python -m tests.crash.outbox_child`.

Reads a line of JSON per life on stdin ({"path", "url", "point"}), lives it in a fork of its own (the imports cost a
second, a fork nothing) and writes how it ended. "call" is not here: the gateway itself kills whoever calls it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

from sqlalchemy import event

from alerts.channels.channel import Channel, Message, Result
from alerts.channels.http_gateway import GatewayOptions, HttpGateway
from alerts.database import Database, open_database
from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from alerts.messages.phone_answers import PhoneAnswers
from api.running.log_setup import configure_logging
from tests.support.desk import NIGHT_MS, SITE, pressed
from tests.support.far_ends import SECRET
from tests.support.phones import Devices

NATT_1 = "+4798888881"
REPLY = "in-1"


class Mortal:
    """A channel whose process dies before or after the call."""

    name, reaches_people = "sms", True

    def __init__(self, inner: Channel, point: str) -> None:
        self._inner, self._point = inner, point

    def send(self, message: Message) -> Result:
        die("attempt", self._point)
        result = self._inner.send(message)
        die("answered", self._point)
        return result


def die(here: str, point: str) -> None:
    """As a power cut, if this is the point."""
    if here == point:
        os.kill(os.getpid(), signal.SIGKILL)


def gateway(url: str) -> HttpGateway:
    """The SMS gateway at this address; it is told who calls, so that it can kill them."""
    headers = ("Content-Type: application/json", "Authorization: Bearer $secret", f"X-Pid: {os.getpid()}")
    body = '{"to": "$to", "text": "$text", "ref": "$id"}'
    return HttpGateway(
        "sms", GatewayOptions(url=f"{url}/sms", headers=headers, body=body, secret=SECRET, answer_id="messages.0.id")
    )


def raise_alarm(desk: Desk) -> None:
    """What the runner does, as often as it must: the position says whether it was done."""
    if desk.applied("home", 0) == 0:
        desk.apply("home", 0, 0, 1, [pressed("p1", NIGHT_MS)])


def live(database: Database, url: str, point: str) -> None:
    """The alarm, its SMS, and the answer from the phone."""
    if point == "effect":
        event.listen(database.writer, "commit", lambda _conn: die("effect", point))
    desk = Desk(database, SITE)
    raise_alarm(desk)
    die("row", point)
    Outbox(database, {"sms": Mortal(gateway(url), point)}, Devices.reach()).run_once(NIGHT_MS)
    die("result", point)
    act = desk.act

    def mortal_act(*arguments: object) -> object:
        die("acknowledgement", point)
        done = act(*arguments)  # type: ignore[arg-type]  # the act as it came
        die("act", point)
        return done

    desk.act = mortal_act  # type: ignore[assignment, method-assign]  # dies at a named point, then acts
    PhoneAnswers(desk, Devices.reach()).reply("sms", NATT_1, "R17 1", REPLY, NIGHT_MS + 1_000)


def main() -> None:
    """One life per line."""
    configure_logging("json", "error")
    for line in sys.stdin:
        life = json.loads(line)
        child = os.fork()
        if child == 0:
            live(open_database(Path(life["path"])), life["url"], life["point"])
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
