"""Bodies of free shape (acts, settings): read as strictly as events are, before anything looks at them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends, Request

from api.http.problems import Problem
from ingest.event import Rejected
from ingest.json_input import read_json

JSON_TYPES = ("application/json", "application/merge-patch+json")


async def json_object(request: Request) -> dict[str, Any]:
    """The body as an object, {} when there is none. 400 for what is no JSON (NaN, lone surrogates and nesting without
    end included), 415 for a form, 422 for JSON that is no object.
    """
    payload = await request.body()
    if not payload.strip():
        return {}
    if not request.headers.get("content-type", JSON_TYPES[0]).startswith(JSON_TYPES):
        raise Problem("unsupported-media-type")
    value = read_json(payload, may_be_alarm=False)
    if isinstance(value, Rejected):
        raise Problem("bad-request", "body", more={"errors": [{"field": "body", "message": value.detail}]})
    if not isinstance(value, dict):
        raise Problem("bad-field", "body")
    return value


JsonObject = Annotated[dict[str, Any], Depends(json_object)]
