"""The settings that people read about are those that the code has."""

import re

from api.settings.model import sections, settings_markdown
from tests.support.tree import ROOT


def test_the_page_of_settings_is_made_from_the_code():
    """deploy/README.md holds exactly what `vardevakt check --settings-docs` prints."""
    page = (ROOT / "deploy" / "README.md").read_text()
    found = re.search(r"<!-- settings:begin[^>]*-->\n\n(.*?)\n<!-- settings:end -->", page, re.DOTALL)

    assert found is not None
    assert found.group(1) == settings_markdown()


def test_every_setting_says_what_it_means():
    """Each setting has a sentence, and one that ends."""
    silent = [
        f"{section}.{key}"
        for section, model in sections().items()
        for key, field in model.model_fields.items()
        if not (field.description or "").endswith(".")
    ]

    assert silent == []
