"""Bells between parts that are built before the service that routes the rings exists. No behaviour of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ingest.record import RawRecord

if TYPE_CHECKING:
    from api.running.service import Service


class Bells:
    """Parts ring before the service that routes the rings exists."""

    service: Service | None = None

    def desk(self) -> None:
        if self.service is not None:
            self.service.on_desk_change()

    def settings(self) -> None:
        if self.service is not None:
            self.service.on_settings_change()

    def rows(self) -> None:
        if self.service is not None:
            self.service.parts.source.wake()

    def emergency(self, record: RawRecord) -> None:
        if self.service is not None:
            self.service.on_emergency(record)

    def inputs(self) -> None:
        if self.service is not None:
            self.service.on_inputs()

    def recorded(self, entries: Any) -> None:
        if self.service is not None:
            self.service.on_recorded(entries)
