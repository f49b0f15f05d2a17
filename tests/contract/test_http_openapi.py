"""The OpenAPI document against the application: whatever it allows to be sent, the answer is one that it promises."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS

from tests.support.http import http_stack

PROMISES = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
LEFT_OUT = r"^(/api/v1/live|/metrics)$"  # a stream without end; and text that is no JSON
EXAMPLES = 6  # per route; VARDEVAKT_HYPOTHESIS=explore does not change it


def test_any_allowed_request_gets_a_promised_answer(tmp_path):
    """Generated requests to every route: never a fault of ours, only documented statuses, types and shapes."""
    asked: set[str] = set()
    with http_stack(tmp_path) as stack:
        stack.press()
        token = stack.accounts.create_machine_key("fuzz", ("carer", "operator"), stack.now_ms)
        document = schemathesis.openapi.from_asgi("/api/v1/openapi.json", stack.app).exclude(path_regex=LEFT_OUT)
        checks = [CHECKS.get_one(name) for name in PROMISES]

        def ask(case: Any) -> None:
            answer = case.call(headers={"authorization": f"Bearer {token}"})
            case.validate_response(answer, checks=checks)

        for found in document.get_all_operations():
            operation = found.ok()
            asked.add(operation.label)
            _many(operation.as_strategy(), ask)
        routes = {
            f"{method.upper()} {path}" for path, methods in stack.app.openapi()["paths"].items() for method in methods
        }

    assert asked == routes - {"GET /api/v1/live", "GET /metrics"}


def _many(strategy: Any, ask: Any) -> None:
    steady = settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    steady(given(strategy)(ask))()
