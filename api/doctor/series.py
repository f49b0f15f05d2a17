"""What `doctor` sees of the store of the curves. Edge: looks only, and makes no bucket."""

from __future__ import annotations

from collections.abc import Iterator

from api.cli.problem_lines import KNOWN_ERRORS, line_of
from api.doctor.lines import Line, Patient, bad, ok, warn
from api.running.series import influx_options
from ingest.series import SeriesAway
from ingest.series_influx import bucket_days
from ingest.series_influx_client import Influx


def series_lines(patient: Patient) -> Iterator[Line]:
    """Whether InfluxDB answers, takes our token, and has our buckets with the days that the settings say."""
    try:
        options = influx_options(patient.settings.series)
    except KNOWN_ERRORS as error:
        yield bad("series", line_of(error), "mend the file that is named")
        return
    if options is None:
        yield ok("series", "curves are kept in series.db")
        return
    influx = Influx(options)
    try:
        version, kept = influx.version(), influx.kept()
    except SeriesAway as error:
        todo = "is it up, and are its address, organization and token right? No alert waits for it"
        yield bad("series", str(error), todo)
        return
    finally:
        influx.close()
    yield ok("series", f"InfluxDB {version} at {options.url} takes our token")
    wanted = bucket_days(options)
    missing = sorted(wanted.keys() - kept.keys())
    other = sorted(name for name, days in wanted.items() if kept.get(name, days) != days)
    if missing:
        yield warn("series_buckets", f"not there: {', '.join(missing)}", "the service makes them when it starts")
    elif other:
        yield warn("series_buckets", f"kept for other days than set: {', '.join(other)}", "restart the service")
    else:
        yield ok("series_buckets", f"{len(wanted)} buckets, kept as the settings say")
