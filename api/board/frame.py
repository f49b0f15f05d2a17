"""Pure: the frame's facts as it shows them: pulse, strip of what is true now, what must sound."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.board import format as fmt
from api.board.words import Words

SHOWN_MAX = 99


def frame_view(facts: Mapping[str, Any], words: Words) -> dict[str, Any]:
    """facts: feed (api.feed.feed_state), waiting (unclaimed incidents: id, priority), not_watched, gateways_away,
    channels_slow ((name, state)), late (a runner lags), series_away, watch (codes of api/running/watch.py), tests (open
    test sessions), nobody (wards with nobody on duty), empty, phones_silent and gaps (alerts/shifts/coverage.py).
    """
    feed = facts["feed"]
    waiting: Sequence[Mapping[str, Any]] = facts.get("waiting") or ()
    return {
        "feed": {
            "state": feed["state"],
            "heard_ms": fmt.to_ms(feed.get("last_canary_at")),
            "age_ms": feed.get("age_ms"),
        },
        "unclaimed": sum(1 for w in waiting if w["priority"] in {"P1", "P2", "P3"}),
        "ring": [w["id"] for w in waiting if w["priority"] == "P1"][:SHOWN_MAX],
        "once": [w["id"] for w in waiting if w["priority"] == "P2"][:SHOWN_MAX],
        "strip": strip(facts, words),
    }


def strip(facts: Mapping[str, Any], words: Words) -> list[dict[str, str]]:
    """Only what is true now, each with the page it leads to."""
    items = _shifts(facts, words)
    if facts.get("not_watched"):
        items.append(
            {"path": "unwatched", "icon": "unwatched", "text": words("strip.unwatched", n=facts["not_watched"])}
        )
    if facts.get("gateways_away"):
        items.append(
            {"path": "devices#gateways", "icon": "gateway", "text": words("strip.gateways", n=facts["gateways_away"])}
        )
    items.extend(
        {"path": "channels", "icon": "channel", "text": words(f"strip.channel_{state}", channel=channel)}
        for channel, state in facts.get("channels_slow") or ()
    )
    if facts.get("late"):
        items.append({"path": "devices", "icon": "channel", "text": words("strip.runner")})
    if facts.get("series_away"):
        items.append({"path": "devices", "icon": "gateway", "text": words("strip.series_away")})
    for code in facts.get("watch") or ():
        items.append({"path": "channels", "icon": "channel", "text": words(f"strip.{code}")})
    if facts.get("tests"):
        items.append({"path": "tests", "icon": "gateway", "text": words("strip.tests", n=facts["tests"])})
    return items


def _shifts(facts: Mapping[str, Any], words: Words) -> list[dict[str, str]]:
    """Where an alarm would reach nobody, or only the next one."""
    items = []
    if facts.get("nobody"):
        items.append({"path": "shifts", "icon": "phone", "text": words("strip.nobody", wards=facts["nobody"])})
    for fact, word in (("empty", "strip.empty"), ("phones_silent", "strip.phones"), ("gaps", "strip.gaps")):
        if facts.get(fact):
            items.append({"path": "shifts", "icon": "phone", "text": words(word, n=facts[fact])})
    return items
