"""Pure: which ways a message takes, and when it counts as told.

Theory of operation. A channel that needs an address of a target takes part only where the target has one. A message
is tried over every way it may take; it is *sent* when one of those that reach people took it. For a **P1** a voice call
or an SMS must be among them wherever the target has a telephone and the site such a channel: a push that nobody hears
is not enough, and the next step comes at once.

| channel | needs | carries |
|---|---|---|
| voice | a phone number | P1 and P2 that ask for somebody; a test |
| sms | a phone number | P1 to P3; to technicians and relatives anything; answers to an SMS |
| email | an e-mail address | anything |
| push | a subscription | anything |
| every other | nothing | anything but answers to an SMS |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from alerts.channels.channel import OK, UNKNOWN, Address, Channel

PHONE, EMAIL, PUSH = "phone", "email", "push"
NEEDS = {"voice": PHONE, "sms": PHONE, "email": EMAIL, "push": PUSH}

ASKS_FOR_SOMEBODY = frozenset({"ring", "again", "ask", "hand_over", "test"})
ANSWER = "answer"
CHANNEL_TEST = "channel_test"
URGENT = "P1"

SENT, EXHAUSTED = "sent", "exhausted"


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say about reaching people."""

    fixed: Mapping[str, Address] = {}  # target kind (fallback, centre, technical) -> where that is
    per_minute: Mapping[str, int] = {}  # channel -> most follow-ups a minute
    clearance: Mapping[str, str] = {}  # channel -> "tag" | "code"; a channel not named: "tag"
    link_base: str = ""  # "https://vardevakt.example.org"; "" = no links
    link_key: bytes = b""


def ways(
    names: Iterable[str], *, kind: str, priority: str, target_kind: str, address: Address, only: str | None = None
) -> list[str]:
    """Names of the channels that a message takes, in the order given."""
    return [
        name
        for name in names
        if (only is None or name == only)
        and _has(address, NEEDS.get(name))
        and (only is not None or _carries(name, kind, priority, target_kind))
    ]


def _has(address: Address, need: str | None) -> bool:
    return need is None or bool(getattr(address, need))


def _carries(name: str, kind: str, priority: str, target_kind: str) -> bool:
    if kind == ANSWER:
        return name == "sms"
    if name == "voice":
        return kind in ASKS_FOR_SOMEBODY and priority <= "P2"
    if name == "sms":
        return priority <= "P3" or target_kind in {"technical", "responder"}
    return True


def outcome(
    priority: str, taken: Sequence[str], channels: Mapping[str, Channel], results: Mapping[str, Sequence[str]]
) -> str:
    """Sent | unknown | exhausted, once every way in `taken` is done. `results` by channel, in order."""
    reaching = [name for name in taken if channels[name].reaches_people]
    if not reaching and not any(channel.reaches_people for channel in channels.values()):
        reaching = list(taken)  # a site that only keeps records is judged by them
    by_phone = [name for name in reaching if NEEDS.get(name) == PHONE]
    judged = by_phone if priority == URGENT and by_phone else reaching
    found = [result for name in judged for result in results.get(name, ())]
    if OK in found:
        return SENT
    return UNKNOWN if UNKNOWN in found else EXHAUSTED


def has_voice_or_sms(names: Iterable[str]) -> bool:
    """Whether a P1 can reach a telephone at all."""
    return any(NEEDS.get(name) == PHONE for name in names)
