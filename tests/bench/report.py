"""A figure, its ceiling of the same run, what was aimed at; and the table they make."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One line of the table. `aim` is text; `met` None where nothing was aimed at."""

    name: str
    value: str
    beside: str = ""
    aim: str = ""
    met: bool | None = None


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value with at least that share of all at or below it."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-len(ordered) * share // 1) - 1))]


def spread(values: Sequence[float]) -> str:
    """Median of the runs, and between what they lay."""
    return f"{whole(median(values))}/s ({whole(min(values))}–{whole(max(values))})"


def whole(number: float) -> str:
    """A number as people read it: 20 000."""
    return f"{number:,.0f}".replace(",", " ")


def milliseconds(values: Sequence[float]) -> str:
    """p50 and p99 of seconds."""
    return f"p50 {quantile(values, 0.5) * 1_000:.0f} ms, p99 {quantile(values, 0.99) * 1_000:.0f} ms"


def table(figures: Sequence[Figure]) -> str:
    """Markdown."""
    lines = ["| | figure | beside it, same run | aim | |", "|---|---|---|---|---|"]
    for one in figures:
        verdict = {None: "", True: "met", False: "**missed**"}[one.met]
        lines.append(f"| {one.name} | {one.value} | {one.beside} | {one.aim} | {verdict} |")
    return "\n".join(lines)


def machine() -> str:
    """What it ran on, in one line."""
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    name = models[0].partition(": ")[2] if models else platform.processor()
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} × {name}, {platform.system()} {platform.release()}, Python {platform.python_version()}; "
        f"load before: {load}"
    )
