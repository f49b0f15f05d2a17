"""Who is asking, and may they: session cookie with CSRF, or machine key; roles as dependencies of routes.

Theory of operation. A session token is a secret only the browser's HttpOnly cookie holds; the desk keeps its hash. The
CSRF token is an HMAC of that session token, so it needs no store, is bound to the session and ends with it. Everything
but GET, HEAD and OPTIONS that comes with a cookie must carry it, as header `X-CSRF-Token` (htmx, scripts) or as form
field `csrf`; a request that a browser says comes from another site is refused before that. A machine key is sent
by hand and never by a browser on its own, so it needs none.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Depends, Header, Request, Response
from fastapi.concurrency import run_in_threadpool

from alerts.access.accounts import Account
from api.http.problems import Problem
from api.http.services import Services

CSRF_HEADER = "x-csrf-token"
CSRF_FIELD = "csrf"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_MAX = 200
FORM_TYPES = ("application/x-www-form-urlencoded", "multipart/form-data")
BEARER = 'Bearer realm="vardevakt"'
PURPOSE_MAX = 200

Via = Literal["session", "machine_key", "local"]
LOCAL = Account("local", None, "vardevakt", frozenset({"operator"}), "en")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: a browser, a machine, or the command line beside the service (api/http/local_access.py). `token` is the
    session's own secret, "" for the others.
    """

    account: Account
    via: Via
    token: str = ""

    @property
    def csrf(self) -> str:
        """What this caller's pages put into their forms."""
        return csrf_token(self.token)


def csrf_token(session_token: str) -> str:
    return hmac.new(session_token.encode(), b"vardevakt csrf", hashlib.sha256).hexdigest()


def services_of(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def cookie_name(services: Services) -> str:
    """With TLS the __Host- prefix, which no other host or path can overwrite."""
    return "__Host-vardevakt" if services.web.secure_cookies else "vardevakt"


def set_session_cookie(services: Services, response: Response, token: str) -> None:
    response.set_cookie(
        cookie_name(services), token, max_age=services.web.session_hours * 3600, path="/", httponly=True,
        samesite="lax", secure=services.web.secure_cookies,
    )  # fmt: skip


def clear_session_cookie(services: Services, response: Response) -> None:
    response.delete_cookie(
        cookie_name(services), path="/", httponly=True, samesite="lax", secure=services.web.secure_cookies
    )


async def caller_or_none(request: Request) -> Caller | None:
    """Who asks, or None; looked up once a request. Does not check CSRF."""
    state = request.scope.setdefault("state", {})
    if "caller" not in state:
        await caller_now(request)
    found: Caller | None = state["caller"]
    return found


async def caller_now(request: Request) -> Caller | None:
    """Who asks as it is now: for streams, which outlive log-outs."""
    state = request.scope.setdefault("state", {})
    state["caller"] = caller = await run_in_threadpool(_find_caller, services_of(request), request)
    if caller is not None:
        state["account_id"] = caller.account.user_id  # for the log line
    return caller


async def signed_in(request: Request) -> Caller:
    """Anybody we know. 401 otherwise; 403 for a cookie without CSRF token on an unsafe method."""
    caller = await caller_or_none(request)
    if caller is None:
        raise Problem("not-signed-in", headers={"www-authenticate": BEARER})
    if caller.via == "session" and request.method not in SAFE_METHODS:
        await check_csrf(request, caller)
    return caller


async def carer(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """Those who care for people: may read about residents and act on alerts."""
    return _with_role(caller, "carer")


async def operator(caller: Annotated[Caller, Depends(signed_in)]) -> Caller:
    """Those who keep the service running."""
    return _with_role(caller, "operator")


async def account_keeper(caller: Annotated[Caller, Depends(operator)]) -> Caller:
    """Those who say who may use the service: operators of the whole site. No machine key: a stolen one could make
    itself successors; and nobody bound to wards: they could make somebody who is not.
    """
    if caller.via == "machine_key" or caller.account.wards is not None:
        raise Problem("wrong-role")
    return caller


def _with_role(caller: Caller, role: str) -> Caller:
    if role not in caller.account.roles:
        raise Problem("wrong-role")
    return caller


def _find_caller(services: Services, request: Request) -> Caller | None:
    scheme, _, credential = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        credential = credential.strip()
        if not credential or len(credential) > TOKEN_MAX:
            return None
        if services.local_token and hmac.compare_digest(credential.encode(), services.local_token.encode()):
            return Caller(LOCAL, "local")
        account = services.accounts.machine_key(credential, services.clock())
        return Caller(account, "machine_key") if account else None
    token = request.cookies.get(cookie_name(services), "")
    if not token or len(token) > TOKEN_MAX:
        return None
    account = services.accounts.session(token, services.clock())
    return Caller(account, "session", token) if account else None


async def check_csrf(request: Request, caller: Caller) -> None:
    """Refuse (403) what another site may have sent with this browser's cookie."""
    check_same_site(request)
    given = request.headers.get(CSRF_HEADER)
    if given is None and request.headers.get("content-type", "").startswith(FORM_TYPES):
        field = (await request.form()).get(CSRF_FIELD)  # Starlette keeps the form for the route
        given = field if isinstance(field, str) else None
    if given is None or not hmac.compare_digest(given.encode(), caller.csrf.encode()):
        raise Problem("csrf")


def check_same_site(request: Request) -> None:
    """Refuse what a browser itself says comes from elsewhere: also the log-in, which has no token yet."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise Problem("csrf")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Problem("csrf")


async def purpose(
    caller: Annotated[Caller, Depends(signed_in)],
    x_purpose: Annotated[
        str | None, Header(max_length=PURPOSE_MAX, description="Why you look; kept in the access log.")
    ] = None,
) -> str:
    """Why a person's data is read: what the caller says, else what the role stands for."""
    if x_purpose and x_purpose.strip():
        return x_purpose.strip()
    if caller.via == "machine_key":
        return "integration"
    return "care" if "carer" in caller.account.roles else "operations"
