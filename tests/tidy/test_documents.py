"""The documents that a newcomer opens first hold together."""

import re

from tests.support.tree import PACKAGES, ROOT


def test_the_changelog_has_an_unreleased_section_that_says_something():
    """Keep a Changelog: what is not released yet is written down under its kinds of change."""
    section = re.search(
        r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE | re.DOTALL
    )

    assert section is not None
    assert re.search(r"^### (Added|Changed|Deprecated|Removed|Fixed|Security)\n\n- ", section.group(1), re.MULTILINE)


def test_the_readme_links_to_the_readme_of_each_folder():
    """From the top one finds every page."""
    readme = (ROOT / "README.md").read_text()
    pages = [f"{folder}/README.md" for folder in (*PACKAGES, "deploy") if (ROOT / folder / "README.md").is_file()]

    assert [page for page in pages if f"({page})" not in readme and f"({page}#" not in readme] == []


def test_relative_links_lead_somewhere():
    """No page of ours links to a file that is not there."""
    pages = [ROOT / "README.md", *(ROOT / folder / "README.md" for folder in (*PACKAGES, "deploy"))]
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        if page.is_file()
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if "://" not in target and not target.startswith("mailto:") and not (page.parent / target).exists()
    ]

    assert broken == []


def test_make_help_names_every_target():
    """`make help` and the Makefile agree on what a person can type."""
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    assert phony is not None
    assert set(phony.group(1).split()) == set(re.findall(r"^([a-z]+):.*## ", makefile, re.MULTILINE))
