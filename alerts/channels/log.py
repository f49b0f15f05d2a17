"""Edge: the channel that writes a log line. Always there, so that what would have gone out can be seen."""

from __future__ import annotations

import structlog

from alerts.channels.channel import OK, Message, Result

log = structlog.get_logger()


class LogChannel:
    """A record only: nobody is told by it."""

    name = "log"
    reaches_people = False

    def send(self, message: Message) -> Result:
        log.info(
            "notification",
            alert_id=message.alert_id,
            priority=message.priority,
            kind=message.kind,
            target=message.target,
            may_repeat=message.may_repeat,
        )
        return Result(OK)
