"""Positions and distances in whole numbers: micro-degrees and metres. Pure, and the same on every machine.

Exact enough for areas of a few kilometres, where a metre is far below what a tracker can tell: the earth is a sphere,
a small piece of it is flat, and the cosine of a latitude is read between whole degrees of a table of integers.
"""

from __future__ import annotations

import math

MICRO = 1_000_000
_CIRCLE = 360 * MICRO
_MILLIMETRES_PER_DEGREE = 111_195_080  # of a great circle of a sphere of 6 371.0088 km
_COSINES = tuple(round(math.cos(math.radians(degree)) * MICRO) for degree in range(91))


def micro_degrees(degrees: float) -> int:
    """A latitude or longitude as it came, in whole micro-degrees (a tenth of a metre)."""
    return round(degrees * MICRO)


def metres_between(latitude: int, longitude: int, other_latitude: int, other_longitude: int) -> int:
    """Distance of two positions in micro-degrees, rounded down to metres."""
    north = latitude - other_latitude
    east = (longitude - other_longitude + _CIRCLE // 2) % _CIRCLE - _CIRCLE // 2
    middle = min(abs(latitude + other_latitude) // 2, 90 * MICRO)
    north_mm = north * _MILLIMETRES_PER_DEGREE // MICRO
    east_mm = east * _cosine_micro(middle) // MICRO * _MILLIMETRES_PER_DEGREE // MICRO
    return math.isqrt(north_mm * north_mm + east_mm * east_mm) // 1_000


def _cosine_micro(latitude: int) -> int:
    """The cosine of 0 to 90 degrees, in millionths."""
    degree, rest = divmod(latitude, MICRO)
    if rest == 0:
        return _COSINES[degree]
    return _COSINES[degree] + (_COSINES[degree + 1] - _COSINES[degree]) * rest // MICRO
