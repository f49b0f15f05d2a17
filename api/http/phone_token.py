"""Which registered phone a request comes from: by the cookie of its browser, or by the token an app sends."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from alerts.shifts import phones
from api.http.auth import TOKEN_MAX
from api.http.services import Services

YEAR_S = 31_536_000


def cookie_name(services: Services) -> str:
    """As the session's cookie: with TLS no other host or path can overwrite it."""
    return "__Host-vardevakt-phone" if services.web.secure_cookies else "vardevakt-phone"


def set_phone_cookie(services: Services, response: Response, token: str) -> None:
    response.set_cookie(
        cookie_name(services), token, max_age=YEAR_S, path="/", httponly=True, samesite="lax",
        secure=services.web.secure_cookies,
    )  # fmt: skip


def phone_of(services: Services, request: Request) -> dict[str, Any] | None:
    """The phone's row; None when none is shown, or one that was revoked."""
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    token = credential.strip() if scheme.lower() == "bearer" else request.cookies.get(cookie_name(services), "")
    if not token or len(token) > TOKEN_MAX:
        return None
    with services.database.reader.connect() as conn:
        return phones.by_token(conn, services.site_id, token)
