"""What is personal never leaves the desk (promise 8)."""

import json

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from alerts.schema.people import relay
from alerts.site.model import MODELS, check
from alerts.site.projection import FIELDS, setting
from tests.support.people import NOW_MS, filled_store

MARK = "\N{SNOWMAN}"
# Fields that may hold what a person wrote freely, by kind. Everything else has a closed form or is technical.
PERSONAL = {
    "site": ("name",),
    "ward": ("name",),
    "resident": ("name", "address"),
    "contact": ("name", "relation"),
    "key": ("where", "tag"),
    "function": ("name",),
    "staff": ("name",),
    "measure": ("decision",),
    "plan": ("why",),
    "pause": ("note",),
}
BASE: dict[str, dict[str, object]] = {
    "site": {"timezone": "Europe/Oslo"},
    "ward": {},
    "resident": {"home": "h1", "born": "1938-04-02", "phone": "+4799999999", "risks": ["fall"]},
    "contact": {"resident": "r1", "phone": "+4799999999"},
    "key": {"home": "h1", "kind": "key_box"},
    "function": {"ward": "nord", "phone": "+4799999999"},
    "staff": {"email": "kari@example.org"},
    "measure": {"resident": "r1", "service": "localisation", "basis": "consent", "from": "2026-01-01"},
    "plan": {"resident": "r1", "rule": "R05", "set": {"for": "35 min"}, "from": "2026-01-01"},
    "pause": {"resident": "r1", "from_ms": 1, "until_ms": 2, "reason": "hospital", "rules": ["behaviour"]},
}
SECRETS = (MARK, "99999999", "1938", "example.org")
names = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1, max_size=40)


@given(kind=st.sampled_from(sorted(PERSONAL)), text=names, version=st.integers(1, 9))
def test_no_personal_value_stands_in_a_record_for_the_folds(kind, text, version):
    """Whatever people write into names, addresses, notes and reasons, no record for RAW holds it."""
    value = BASE[kind] | dict.fromkeys(PERSONAL[kind], f"{text}{MARK}") | {"id": "x1"}
    item = check(kind, value)
    assert not isinstance(item, list), item

    record = setting(kind, "x1", version, item, "s1")
    told = json.dumps(record.value, ensure_ascii=False)

    assert not [secret for secret in SECRETS if secret in told]
    assert (record.value is None) == (kind not in FIELDS)


def test_every_kind_is_relayed_by_a_list_of_fields_that_it_has():
    """The list of what may leave names fields of the model, so that a renamed field is not lost in silence."""
    for kind, fields in FIELDS.items():
        written = {field.alias or name for name, field in MODELS[kind].model_fields.items()}
        written = {name.removesuffix("_ms") if name in {"interval_ms", "arrival_goal_ms"} else name for name in written}

        assert set(fields) <= written, kind


def test_no_personal_value_stands_in_the_relay_or_in_a_history(tmp_path):
    """Saved through the store, a name stands in its table and nowhere in what is relayed or kept of versions."""
    store = filled_store(tmp_path)
    value = {"home": "h1", "name": f"Kari {MARK}", "address": f"Veien {MARK}", "phone": "+4799999999"}

    store.save("resident", "r1", value, "s1", NOW_MS)

    with store.database.reader.connect() as conn:
        payloads = "".join(conn.execute(select(relay.c.payload)).scalars())
    history = json.dumps(store.history("resident", "r1"), ensure_ascii=False)
    assert "resident/r1" in payloads
    assert not [secret for secret in SECRETS if secret in payloads + history]
