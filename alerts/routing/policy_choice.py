"""Pure: which policy holds for an alert, and the shipped profiles in the form that people write.

Theory of operation. The policy that says most about an alert holds: person before rule before code before ward before
hours before priority, then the id (`choose`). Where none of the site's own fits, the ward's profile holds; so the two
shipped profiles are the policies of last resort, in the same data form (`shipped`). The chain is stored with the
incident when it begins: a policy saved later holds for the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from alerts.routing.policies import MODES, STAFF_ALARM_RULE, US, Policy
from alerts.routing.profiles import PROFILES, STAFF_ALARM
from ingest.quantities import format_duration
from rules.local_time import window_at


class Asked(msgspec.Struct, frozen=True):
    """The alert that a policy is chosen for."""

    priority: str
    at_ms: int
    timezone: str
    ward: str | None = None
    resident: str | None = None
    rule: str = ""
    code: str = ""
    staff_alarm: bool = False


def choose(policies: Iterable[Policy], asked: Asked) -> Policy | None:
    """The site's own policy that says most about this alert; None where the ward's profile holds."""
    fitting = [policy for policy in policies if fits(policy, asked)]
    return min(fitting, key=lambda policy: (*(not one for one in _says(policy)), policy.id), default=None)


def _says(policy: Policy) -> tuple[bool, ...]:
    return (
        policy.resident is not None, bool(policy.rules), bool(policy.codes), policy.ward is not None,
        policy.hours is not None, bool(policy.priorities),
    )  # fmt: skip


def fits(policy: Policy, asked: Asked) -> bool:
    """Whether everything that the policy names is so. Staff's own alarm only where the policy says R53."""
    if asked.staff_alarm and STAFF_ALARM_RULE not in policy.rules:
        return False
    rule = STAFF_ALARM_RULE if asked.staff_alarm else asked.rule
    return (
        policy.ward in {None, asked.ward}
        and policy.resident in {None, asked.resident}
        and (not policy.rules or rule in policy.rules)
        and (not policy.codes or any(asked.code == c or asked.code.startswith(f"{c}.") for c in policy.codes))
        and (not policy.priorities or asked.priority in policy.priorities)
        and (policy.hours is None or window_at(asked.at_ms, policy.hours, asked.timezone) is not None)
    )


def shipped(profile: str) -> list[dict[str, Any]]:
    """A shipped profile as policies, in the form that people write."""
    names = {mode: word for word, mode in MODES.items()}
    return [
        {
            "id": f"{profile}-{priority}",
            **({"rules": [STAFF_ALARM_RULE]} if priority == STAFF_ALARM else {"priorities": [priority]}),
            "rings": names[chain.mode],
            "steps": [{"after": format_duration(ms), "tell": list(words)} for ms, words in chain.steps],
            "repeat": format_duration(chain.repeat_ms),
            "two": False,
            "owner": US,
        }
        for priority, chain in PROFILES[profile].items()
    ]
