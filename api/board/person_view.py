"""Pure: the head of a person, on an alert and on a page of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from api.board import format as fmt
from api.board.cards import Directory
from api.board.words import Words


def person_view(card: Mapping[str, Any], words: Words, people: Directory) -> dict[str, Any]:
    """The head of a person: who, where, key, phone, risks, contacts. A protected address is never shown."""
    name = str(card.get("name") or "")
    protected = bool(card.get("protected"))
    address = None if protected else card.get("address")
    return {
        "id": card["id"], "name": name, "first": name.split(maxsplit=1)[0] if name else None,
        "age": fmt.years_old(card.get("born"), words.local(words.now_ms)), "protected": protected, "address": address,
        "map": f"geo:0,0?q={quote(str(address))}" if address else None,
        "phone": card.get("phone"), "phone_shown": phone(card.get("phone")),
        "risks": [words.code("risk", risk) for risk in card.get("risks") or ()],
        "key_lines": [key_line(key, words) for key in card.get("keys") or ()],
        "contacts": [contact_view(contact, words) for contact in card.get("contacts") or ()],
        "ward": people.ward(card.get("ward") or card.get("ward_id")),
    }  # fmt: skip


def key_line(key: Mapping[str, Any], words: Words) -> str:
    """ "Nøkkelboks ved trapp, R17"."""
    kind, where = words.code("key_kind", key.get("kind")), words.code("key_place", key.get("where"))
    place = f"{kind} {where}".strip()
    return f"{place}, {key['tag']}" if key.get("tag") else place


def contact_view(contact: Mapping[str, Any], words: Words) -> dict[str, Any]:
    return {
        "id": contact.get("id") or "",
        "name": contact.get("name") or "",
        "relation": _capital(words.code("relation", contact.get("relation") or "other")),
        "responder": bool(contact.get("responder")),
        "phone": contact.get("phone"),
        "phone_shown": phone(contact.get("phone")),
    }


def phone(number: str | None) -> str:
    """A Norwegian number in pairs, "99 99 99 99"; others as they are."""
    text = (number or "").replace(" ", "")
    bare = text.removeprefix("+47")
    if len(bare) == 8 and bare.isdigit():
        return " ".join(bare[i : i + 2] for i in range(0, 8, 2))
    return text


def _capital(text: str) -> str:
    """Relations may be the site's own words; on the page they begin a line."""
    return text[:1].upper() + text[1:]
