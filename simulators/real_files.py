"""Edge: public recordings where they lie (`shared/datasets`), read and never copied. It alone knows their names."""

from __future__ import annotations

import gzip
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from simulators.days import Instant
from simulators.real_homes import RealHome, convert
from simulators.real_rows import (
    BadRow,
    Row,
    casas_labelled,
    casas_tabbed,
    labels_of,
    placelab_labels,
    placelab_names,
    placelab_rows,
)

Zoned = Callable[[str], Instant]
"""Zone name -> how its wall-clock times become UTC. Given by the caller: simulators know no local time."""

CASAS_ZONE, PLACELAB_ZONE = "America/Los_Angeles", "America/New_York"  # Pullman and Cambridge; no file says so
_CASAS = {
    "casas_al_smarthome": ("unstated/casas_al_smarthome.txt.gz", casas_labelled),
    "casas_cil_tm000_absence": ("open/casas_cil_tm000_absence.tsv.gz", casas_tabbed),
    "casas_cil_tm000_inactivity": ("open/casas_cil_tm000_inactivity.tsv.gz", casas_tabbed),
}
_PLACELAB_FILE = "unstated/mit_placelab_tapia_de.tar.gz"
_PLACELAB = {"mit_placelab_d": "houseD", "mit_placelab_e": "houseE"}
HOMES = (*_CASAS, *_PLACELAB)


def shared_folder(beside: Path) -> Path:
    """$VARDEVAKT_SHARED, else `shared` beside the checkout."""
    named = os.environ.get("VARDEVAKT_SHARED")
    return Path(named) if named else beside / "shared"


def read_home(shared: Path, name: str, zoned: Zoned) -> RealHome:
    """One of HOMES, converted. OSError when its file is not there or damaged, BadRow or ValueError for bad content."""
    if name in _CASAS:
        file, read = _CASAS[name]
        rows: list[Row] = read(_unzipped(shared / "datasets" / file), file, zoned(CASAS_ZONE))
        return convert(name, CASAS_ZONE, rows, labels_of(rows))
    instant, house = zoned(PLACELAB_ZONE), _PLACELAB[name]
    parts = _members(shared / "datasets" / _PLACELAB_FILE, house)
    rows = placelab_rows(
        parts["sensors"], placelab_names(parts["sensor_names"], f"{house}.sensor_names"), f"{house}.sensors", instant
    )
    activities = placelab_names(parts["activity_names"], f"{house}.activity_names")
    labels = placelab_labels(parts["activities"], activities, f"{house}.activities", instant)
    published = len(rows) // 2  # each row of theirs is a beginning and an end
    return convert(name, PLACELAB_ZONE, rows, sorted(labels, key=lambda one: one.from_ms), published)


def _unzipped(path: Path) -> list[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def _members(path: Path, house: str) -> dict[str, list[str]]:
    parts = {}
    with tarfile.open(path, "r:gz") as archive:
        for part in ("sensors", "sensor_names", "activities", "activity_names"):
            member = archive.extractfile(f"{house}.{part}")
            if member is None:
                raise BadRow(path.name, 0, f"{house}.{part} is no file")
            parts[part] = member.read().decode("utf-8").splitlines()
    return parts
