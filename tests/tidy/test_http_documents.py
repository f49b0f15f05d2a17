"""What api/README.md says of routes and problems is what the code does."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.http.app import create_app
from api.http.live import Wakeup
from api.http.openapi import routes_table
from api.http.problems import table
from api.http.services import Services, WebOptions
from tests.support.tree import ROOT


def application() -> Any:
    """An application whose services nobody asks: enough to read its routes."""
    parts: dict[str, Any] = dict.fromkeys(Services.__dataclass_fields__)
    return create_app(Services(**parts | {"changed": Wakeup(), "web": WebOptions()}))


TABLES = {"routes": lambda: routes_table(application().openapi()), "problems": table}
README = ROOT / "api" / "README.md"


def block(mark: str) -> re.Pattern[str]:
    """What stands between the two marks."""
    return re.compile(rf"(?<=<!-- {mark} -->\n).*?(?=<!-- /{mark} -->)", re.DOTALL)


@pytest.mark.parametrize("mark", TABLES)
def test_the_tables_of_the_readme_are_generated(mark):
    """Both tables in the README are what the code says; `python -m tests.tidy.test_http_documents` writes them."""
    found = block(mark).search(README.read_text())

    assert found is not None
    assert found.group() == TABLES[mark]()


def test_every_route_is_documented():
    """Each route has a summary and a tag, and says which problems it may answer unless it cannot fail."""
    document = application().openapi()
    bare = [
        f"{method} {path}"
        for path, methods in document["paths"].items()
        for method, route in methods.items()
        if not route.get("summary") or not route.get("tags")
    ]

    assert bare == []


if __name__ == "__main__":
    written = README.read_text()
    for name, make in TABLES.items():
        # the block is there, or this fails
        head, old, tail = written.partition(block(name).search(written).group())  # type: ignore[union-attr]
        written = head + make() + tail
    README.write_text(written)
