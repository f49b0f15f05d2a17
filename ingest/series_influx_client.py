"""Edge: the one file that names `influxdb_client`. Writes that are answered before they return, queries, buckets.

The client's own batching is not used (lessons 3.2 #15): it keeps what it could not write in memory without a bound,
gives up after three minutes with a line in a log, and tells nobody. Here a call returns when InfluxDB has synced the
rows, or raises SeriesAway.
"""

from __future__ import annotations

import contextlib
import csv
import io
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec
import structlog

from ingest.series import SeriesAway

if TYPE_CHECKING:
    from influxdb_client import InfluxDBClient

log = structlog.get_logger()

INFLUXQL = {"Content-Type": "application/vnd.influxql"}
LINES_MAX = 5_000  # a request: the fastest size on a small machine
CONNECT_MS, READ_MS, WRITE_MS, ROLL_MS = 2_000, 5_000, 10_000, 120_000
AWAY_S = 3.0  # after no answer, those who read are told at once: a page must not wait for each of its questions
DAY_S = 86_400


class InfluxOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is, and how many days each class is kept (0 = for ever). `bucket` begins the names of the buckets."""

    url: str
    org: str
    token: str
    bucket: str = "vardevakt"
    behaviour_days: int = 0
    care_days: int = 0
    device_days: int = 0
    means_days: int = 0


class _Table(msgspec.Struct):
    """Rows of one statement of InfluxQL."""

    values: list[list[int | float | None]]


class _Result(msgspec.Struct):
    """What one statement of InfluxQL found, or why it could not."""

    series: list[_Table] = []
    error: str = ""


class _Answer(msgspec.Struct):
    results: list[_Result]


class Influx:
    """One InfluxDB. Callable from any thread; connects when it is first asked."""

    def __init__(self, options: InfluxOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._clients: dict[int, InfluxDBClient] = {}
        self._away_until_s = 0.0
        self.refused = 0  # lines that InfluxDB cannot take

    def write(self, bucket: str, lines: Sequence[str]) -> None:
        """Lines in requests of a bounded size, each synced. A line that is refused for what it says is counted and left
        out, so that it cannot stand in the way of all others.
        """
        for first in range(0, len(lines), LINES_MAX):
            self._write(bucket, lines[first : first + LINES_MAX])

    def _write(self, bucket: str, lines: Sequence[str]) -> None:
        from influxdb_client.client.write_api import SYNCHRONOUS

        status = 0
        with self._asking(bad=(400, 413, 422)) as told:
            client = self._client(WRITE_MS)
            client.write_api(write_options=SYNCHRONOUS).write(bucket=bucket, record="\n".join(lines))
            status = 204
        if status == 204:
            return
        if told[0][0] == 422:  # points from before the bucket's retention by its clock; it has taken the others
            log.warning("series_points_too_old", bucket=bucket, told=told[0][1][:200])
            return
        if len(lines) > 1:
            half = len(lines) // 2
            self._write(bucket, lines[:half])
            self._write(bucket, lines[half:])
            return
        self.refused += 1
        log.warning("series_line_refused", bucket=bucket, status=told[0][0])

    def rows(self, flux: str, *, timeout_ms: int = READ_MS) -> list[dict[str, str]]:
        """What a query finds: column -> text, and the name of its yield as "result"."""
        from influxdb_client import Dialect

        self._check_away()
        with self._asking():
            api = self._client(timeout_ms).query_api()
            dialect = Dialect(annotations=[], header=True, delimiter=",", comment_prefix="#")
            text = api.query_raw(flux, dialect=dialect).data.decode("utf-8")
            return list(_rows(text))
        raise AssertionError("either there are rows, or it has raised")

    def values(self, statements: Sequence[str]) -> list[list[Any]]:
        """Rows that InfluxQL finds, of one statement after the other, each with its time in milliseconds first."""
        self._check_away()
        with self._asking():
            answer = self._client(READ_MS).api_client.call_api(
                "/query", "POST", query_params={"epoch": "ms"}, header_params=dict(INFLUXQL),
                body=";".join(statements), _preload_content=False, _return_http_data_only=True,
            )  # fmt: skip
            results = msgspec.json.decode(answer.data, type=_Answer).results
            for one in results:
                if one.error:
                    raise SeriesAway(f"InfluxDB could not finish a query: {one.error}")
            return [row for one in results for table in one.series for row in table.values]
        raise AssertionError("either there are rows, or it has raised")

    def buckets(self, names: Mapping[str, int]) -> dict[str, str]:
        """Id of each of these buckets, name -> days it keeps; missing ones are made, days set where they differ."""
        from influxdb_client import BucketRetentionRules

        self._check_away()
        ids: dict[str, str] = {}
        with self._asking():
            api = self._client(WRITE_MS).buckets_api()
            # by name one that is missing would be an error
            known = {one.name: one for one in api.find_buckets_iter(org=self._options.org, limit=100)}
            for name, days in names.items():
                found = known.get(name)
                keep_s, shard_s = days * DAY_S, _shard_s(days)
                rules = [
                    BucketRetentionRules(type="expire", every_seconds=keep_s, shard_group_duration_seconds=shard_s)
                ]
                if found is None:
                    found = api.create_bucket(bucket_name=name, retention_rules=rules, org=self._options.org)
                    log.info("series_bucket_made", bucket=name, days=days)
                elif sum(one.every_seconds for one in found.retention_rules) != keep_s:
                    found.retention_rules = rules
                    found = api.update_bucket(found)
                ids[name] = str(found.id)
        return ids

    def kept(self) -> dict[str, int]:
        """Every bucket that this token may see -> days it keeps, 0 = for ever."""
        self._check_away()
        with self._asking():
            found = self._client(READ_MS).buckets_api().find_buckets_iter(org=self._options.org, limit=100)
            return {one.name: sum(rule.every_seconds for rule in one.retention_rules) // DAY_S for one in found}
        raise AssertionError("either there is a list, or it has raised")

    def version(self) -> str:
        """Of a server that answers."""
        with self._asking():
            return str(self._client(READ_MS).version())
        raise AssertionError("either it has answered, or it has raised")

    def close(self) -> None:
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients.clear()

    def _client(self, timeout_ms: int) -> InfluxDBClient:
        from influxdb_client import InfluxDBClient

        with self._lock:
            if timeout_ms not in self._clients:
                given = self._options
                self._clients[timeout_ms] = InfluxDBClient(
                    given.url, given.token, org=given.org, timeout=(CONNECT_MS, timeout_ms), retries=False
                )
            return self._clients[timeout_ms]

    def _check_away(self) -> None:
        if time.monotonic() < self._away_until_s:
            raise SeriesAway(f"InfluxDB at {self._options.url} did not answer a moment ago")

    @contextlib.contextmanager
    def _asking(self, bad: tuple[int, ...] = ()) -> Iterator[list[tuple[int, str]]]:
        """What a client raises as SeriesAway; a status in `bad` is given to the caller instead."""
        from influxdb_client.rest import ApiException
        from urllib3.exceptions import HTTPError

        told: list[tuple[int, str]] = []
        try:
            yield told
        except ApiException as error:
            if error.status in bad:
                told.append((int(error.status), str(error.message or error.reason)))
                return
            hint = {401: "; is influx_token_file right?", 403: "; may this token do that?"}.get(error.status, "")
            raise SeriesAway(f"InfluxDB answers {error.status}: {error.message or error.reason}{hint}") from error
        except (HTTPError, OSError) as error:
            self._away_until_s = time.monotonic() + AWAY_S
            raise SeriesAway(f"InfluxDB at {self._options.url} does not answer: {type(error).__name__}") from error


def _shard_s(days: int) -> int:
    """What InfluxDB would choose itself, and does not where days are changed."""
    return 7 * DAY_S if not days or days >= 182 else DAY_S if days >= 2 else 3_600


def _rows(text: str) -> Iterator[dict[str, str]]:
    """Tables of CSV stand after each other, each with a header, an empty line between. A fault amid the answer is a
    table too, with the columns `error` and `reference`.
    """
    names: list[str] | None = None
    for row in csv.reader(io.StringIO(text, newline="")):
        if not row:
            names = None
        elif names is None:
            names = row
        elif "error" in names and "reference" in names:
            raise SeriesAway(f"InfluxDB could not finish a query: {row[names.index('error')]}")
        else:
            yield dict(zip(names, row, strict=True))
