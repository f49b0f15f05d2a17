"""A desk process of its own, for tests that kill or pause one: `python -m tests.support.desk_child WHAT URL`.

`hold`: begins a transaction, says so on its standard output and waits, in its turn, for a line on its standard input.
`fire`: ticks and sends (each message a line "sent <id>") until its standard input ends.
"""

from __future__ import annotations

import sys
import threading

from alerts.channels import OK, Message, Result
from alerts.database import Server, open_database
from alerts.desk import Desk
from alerts.messages.outbox import Outbox
from tests.support.desk_effects import NIGHT_MS, SITE


class Printed:
    """A channel whose messages are lines."""

    name = "phones"
    reaches_people = True

    def send(self, message: Message) -> Result:
        sys.stdout.write(f"sent {message.message_id}\n")
        sys.stdout.flush()
        return Result(OK)


def hold(server: Server) -> None:
    database = open_database(server)
    with database.writer.begin():
        sys.stdout.write("my turn\n")
        sys.stdout.flush()
        sys.stdin.readline()


def fire(server: Server, holder: str) -> None:
    database, over = open_database(server), threading.Event()
    desk, outbox = Desk(database, SITE), Outbox(database, {"phones": Printed()}, holder=holder)

    def listen() -> None:
        sys.stdin.read()
        over.set()

    threading.Thread(target=listen, daemon=True).start()
    now_ms = NIGHT_MS
    while not over.is_set():
        desk.tick(now_ms)
        outbox.run_once(now_ms)
        now_ms += 1_000
    database.close()


if __name__ == "__main__":
    given = Server(sys.argv[2])
    hold(given) if sys.argv[1] == "hold" else fire(given, sys.argv[3])
