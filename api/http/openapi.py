"""Words of the OpenAPI document that no single route owns, and the error answers that routes list."""

from __future__ import annotations

from typing import Any

from api.http.problems import MEDIA_TYPE, PROBLEMS, URN

DESCRIPTION = """
Vardevakt turns what gateways in people's homes report into alerts, and carries them to somebody who comes.

* **Who you are**: a signed-in person (session cookie; send `X-CSRF-Token` with everything but GET) or a machine key
  (`Authorization: Bearer …`; acts name the member of staff: `{"staff": "s1"}`).
* **Acts** need an `Idempotency-Key` of their own: sent twice, done once, answered alike. 200 means that it is on disk.
* **Lists** answer `{"items": […], "next": cursor or null}`. Times are UTC with `Z`.
* **Errors** are `application/problem+json` with a stable `type` and a sentence for people (`Accept-Language`: nb, en).
* **Names** of residents stand only in the answers about residents, never in a URL; each such read is logged with who,
  what, when and why (`X-Purpose`).
"""

TAGS = [
    {"name": "alerts", "description": "What needs somebody, and what they did about it."},
    {"name": "residents", "description": "The person. Every read is logged."},
    {"name": "things", "description": "Wards, homes, gateways, devices, channels, tests."},
    {"name": "shifts", "description": "Who is on shift: functions, check-ins, the rota, telephones."},
    {"name": "quiet", "description": "What is held back, by whom and until when; outages and whom to telephone."},
    {"name": "settings", "description": "What changes outcomes; `in_force` once the rules have seen it."},
    {"name": "events", "description": "Intake for those who cannot speak MQTT."},
    {"name": "rules", "description": "The rules in force, for the site and for one person, and rules on trial."},
    {"name": "reports", "description": "Numbers of a period and the hand-over of a shift; pseudonyms only."},
    {"name": "operations", "description": "What could not be understood, and why a rule did or did not fire."},
    {"name": "live", "description": "Changes as they happen."},
    {"name": "session", "description": "Log in, log out, who am I."},
    {"name": "users", "description": "Who may log in, and which programs; for operators of the whole site."},
    {"name": "health", "description": "For machines that watch this one."},
]

PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string", "enum": [URN + slug for slug in PROBLEMS]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What to do about it, for people."},
        "field": {"type": "string", "description": "The field at fault."},
        "errors": {"type": "array", "items": {"type": "object"}},
        "alert": {"type": "object", "description": "The alert as it is now (409)."},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route: which problems it may answer, one entry per status."""
    return {
        status: {
            "description": ", ".join(f"`{slug}`" for slug, kind in PROBLEMS.items() if kind.status == status),
            "content": {MEDIA_TYPE: {"schema": PROBLEM_SCHEMA}},
        }
        for status in statuses
    }


def routes_table(document: dict[str, Any]) -> str:
    """The routes of an OpenAPI document as Markdown, for README (a tidy test keeps both alike)."""
    lines = ["| route | what |", "|---|---|"]
    for path, methods in sorted(document["paths"].items()):
        for method, route in methods.items():
            lines.append(f"| `{method.upper()} {path}` | {route.get('summary', '')} |")
    return "\n".join(lines) + "\n"
