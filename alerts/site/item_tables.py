"""Which kind of item stands in which table. Data only."""

from __future__ import annotations

from sqlalchemy import Table

from alerts.schema.people import (
    books,
    contacts,
    devices,
    functions,
    gateways,
    homes,
    keys,
    measures,
    pauses,
    plans,
    residents,
    sites,
    staff,
    test_sessions,
    wards,
)

ITEM_TABLES: dict[str, Table] = {
    "site": sites,
    "ward": wards,
    "home": homes,
    "resident": residents,
    "gateway": gateways,
    "device": devices,
    "measure": measures,
    "key": keys,
    "contact": contacts,
    "function": functions,
    "staff": staff,
    "plan": plans,
    "pause": pauses,
    "book": books,
    "test_session": test_sessions,
}
"""Kind of item -> its table."""
