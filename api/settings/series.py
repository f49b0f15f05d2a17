"""The table of the settings that says where curves are kept. Reads nothing; the token is a file."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from alerts.site.problems import wrong
from api.settings.section import FilePath, PageUrl, Section

_NEEDED = ("influx_url", "influx_org", "influx_token_file")


def _days(meaning: str, default: int) -> int:
    """How long a class is kept in InfluxDB."""
    field: int = Field(default, ge=0, le=36_500, description=f"Days that InfluxDB keeps {meaning}; 0 = for ever.")
    return field


def _bucket(text: str) -> str:
    if not text or text.startswith("_") or any(one in text for one in '"\\/'):
        raise wrong("bad_id", "cannot begin the name of a bucket; write letters, digits and '-'")
    return text


class SeriesSettings(Section):
    kind: Literal["sqlite", "influx"] = Field(
        "sqlite", description="Where curves are kept: series.db in the data folder (for ever), or InfluxDB 2."
    )
    influx_url: PageUrl | None = Field(None, description="Address of InfluxDB: http://host:8086.")
    influx_org: str | None = Field(None, min_length=1, max_length=100, description="Its organization.")
    influx_bucket: Annotated[str, AfterValidator(_bucket)] = Field(
        "vardevakt", max_length=40, description="What the names of our buckets begin with; missing ones are made."
    )
    influx_token_file: FilePath | None = Field(
        None, description="File that holds a token which may read, write and make buckets, and nothing else."
    )
    influx_behaviour_days: int = _days("how somebody lives: bed, doors, motion, presence", 120)
    influx_care_days: int = _days("measurements, alarms and doses in full", 400)
    influx_device_days: int = _days("how devices are: battery, stock, faults", 120)
    influx_means_days: int = _days("means of measurements over ten minutes", 3_650)

    @model_validator(mode="after")
    def _whole(self) -> SeriesSettings:
        if self.kind == "influx":
            for name in _NEEDED:
                if getattr(self, name) is None:
                    raise wrong("needed", 'is missing; kind = "influx" needs it', name)
        if self.influx_means_days and not 0 < self.influx_care_days <= self.influx_means_days:
            raise wrong(
                "bad_order", "must be at least influx_care_days, or 0: means outlive points", "influx_means_days"
            )
        return self
