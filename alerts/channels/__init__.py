"""Ways to reach people: the port in `channel.py`, one file per way."""

from alerts.channels.channel import FAILED as FAILED
from alerts.channels.channel import OK as OK
from alerts.channels.channel import UNKNOWN as UNKNOWN
from alerts.channels.channel import Channel as Channel
from alerts.channels.channel import Message as Message
from alerts.channels.channel import Result as Result
