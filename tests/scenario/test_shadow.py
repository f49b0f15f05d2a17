"""A rule on trial in the wired service: it tells its own store, and nobody's phone."""

from __future__ import annotations

from pathlib import Path

import msgspec

from api.running.rule_book import settle_book
from rules.book import with_versions
from rules.book_file import shipped_book
from rules.shadow_store import shadow_alerts
from tests.contract.test_cli import SITE
from tests.support.running_service import running_service
from tests.support.waiting import wait_until


def test_a_marked_rule_tells_the_shadow_store_only(tmp_path: Path) -> None:
    """A press rings once, live; what the trial says of it stands in shadow.db."""
    trial = with_versions(msgspec.structs.replace(shipped_book(), shadow={"R01": {}}))
    with running_service(tmp_path) as service:
        service.import_site(SITE)
        settle_book(service.up.services.settings_store, trial, service.up.services.clock())
        wait_until(lambda: service.parts.relay.waiting() == 0, "the book in RAW")
        service.publish("vardevakt/1/gw-1/pendant-7/event", {"type": "alarm.pressed", "id": "7-1"})

        wait_until(lambda: shadow_alerts(tmp_path / "data" / "shadow.db", "R01", 10) != [], "the trial's word")
        (tried,) = shadow_alerts(tmp_path / "data" / "shadow.db", None, 10)
        (live,) = service.alerts("r1")
        assert (tried.rule, tried.subject, tried.priority) == ("R01", "r1", "P1")
        assert (live["rule"], live["rule_version"]) != (tried.rule, tried.version)
