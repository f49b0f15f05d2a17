"""Edge: where a target is reached, from the tables of people and what the settings fix.

| target kind | where |
|---|---|
| function | its phone, and the push subscriptions of the function |
| staff | their e-mail and push; the phone of the first function they may hold |
| responder | the phone of that contact |
| fallback, centre, technical | the settings `[targets]` |
| reply | the phone that an SMS came from |
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, bindparam, select

from alerts.channels.channel import Address, PushTo
from alerts.schema.channels import phone_answers, push_subscriptions
from alerts.schema.people import contacts, functions, sites, staff

PHONE_DIGITS = (5, 15)
MOST_PUSHES = 20
NORWAY = "+47"

_push = push_subscriptions.c
_PUSHES = (
    select(_push.endpoint, _push.p256dh, _push.auth)
    .where(
        _push.site_id == bindparam("the_site"), _push.owner_kind == bindparam("the_kind"),
        _push.owner == bindparam("the_owner"),
    )
    .order_by(_push.created_ms.desc(), _push.id)
    .limit(MOST_PUSHES)
)  # fmt: skip
_PHONE = select(functions.c.phone).where(
    functions.c.site_id == bindparam("the_site"), functions.c.id == bindparam("the_function")
)
_LANGUAGE = select(sites.c.language).where(sites.c.id == bindparam("the_site"))


def address_of(conn: Connection, site_id: str, kind: str, target: str, fixed: Mapping[str, Address]) -> Address:
    """Where this target is reached now; what is not known is empty."""
    if kind in fixed:
        return fixed[kind]
    if kind == "function":
        return Address(phone=_function_phone(conn, site_id, target), push=_pushes(conn, site_id, kind, target))
    if kind == "staff":
        return _of_staff(conn, site_id, target)
    if kind == "responder":
        query = select(contacts.c.phone).where(contacts.c.site_id == site_id, contacts.c.id == target)
        return Address(phone=phone_number(conn.execute(query).scalar()))
    if kind == "reply" and target.isdecimal():
        query = select(phone_answers.c.phone).where(phone_answers.c.id == int(target))
        return Address(phone=phone_number(conn.execute(query).scalar()))
    return Address()


def language_of(conn: Connection, site_id: str) -> str:
    """The language of the site's messages."""
    return conn.execute(_LANGUAGE, {"the_site": site_id}).scalar() or "nb"


def phone_number(text: str | None) -> str:
    """One way to write a number: "+4798888888"; "" for what is none. Eight digits are Norwegian."""
    kept = "".join(char for char in text or "" if char not in " -()./\u00a0")
    if kept.startswith("00"):
        kept = f"+{kept[2:]}"
    if len(kept) == 8 and kept.isdecimal():
        kept = NORWAY + kept
    digits = kept.removeprefix("+")
    fits = digits.isascii() and digits.isdecimal() and PHONE_DIGITS[0] <= len(digits) <= PHONE_DIGITS[1]
    return f"+{digits}" if fits else ""


def _of_staff(conn: Connection, site_id: str, staff_id: str) -> Address:
    row = conn.execute(
        select(staff.c.email, staff.c.functions).where(staff.c.site_id == site_id, staff.c.id == staff_id)
    ).first()
    if row is None:
        return Address()
    phone = _function_phone(conn, site_id, row.functions[0]) if row.functions else ""
    return Address(phone=phone, email=row.email or "", push=_pushes(conn, site_id, "staff", staff_id))


def _function_phone(conn: Connection, site_id: str, function_id: str) -> str:
    return phone_number(conn.execute(_PHONE, {"the_site": site_id, "the_function": function_id}).scalar())


def _pushes(conn: Connection, site_id: str, kind: str, owner: str) -> tuple[PushTo, ...]:
    found = conn.execute(_PUSHES, {"the_site": site_id, "the_kind": kind, "the_owner": owner})
    return tuple(PushTo(row.endpoint, row.p256dh, row.auth) for row in found)
