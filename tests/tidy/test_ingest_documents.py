"""What ingest/README.md says of events is what the code knows."""

from __future__ import annotations

import re

from ingest.vocabulary import markdown
from tests.support.tree import ROOT


def test_the_vocabulary_of_the_readme_is_made_from_the_code() -> None:
    """ingest/README.md holds exactly what `ingest.vocabulary.markdown` gives."""
    page = (ROOT / "ingest" / "README.md").read_text()
    found = re.search(r"<!-- vocabulary:begin[^>]*-->\n\n(.*?)\n\n<!-- vocabulary:end -->", page, re.DOTALL)
    assert found is not None
    assert found.group(1) == markdown()


def test_every_file_of_the_map_exists() -> None:
    """The table of files names none that is not there."""
    folder = ROOT / "ingest"
    named = re.findall(r"^\| (`.*?) \|", (folder / "README.md").read_text(), re.MULTILINE)
    files = [name for row in named for name in re.findall(r"`([a-z_*]+(?:\.py|/))`", row)]
    assert files
    assert [name for name in files if not list(folder.glob(name))] == []
