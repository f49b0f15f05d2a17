"""What may lie in the repository, and what no file of it may say."""

import json
import re

from tests.support.tree import PACKAGES, ROOT, repository_files, text_files

TOP_LEVEL = {
    *("ingest", "rules", "alerts", "api", "simulators", "deploy", "tests"),
    *("pyproject.toml", "README.md", "Makefile", "LICENSE", "CHANGELOG.md", "requirements.lock"),
}
# Put together here, so that this file does not name what it forbids.
REGISTRY_HOSTS = [
    "pypi" + ".org",
    "pythonhosted" + ".org",
    "registry" + ".npmjs",
    "registry" + ".yarnpkg",
    "crates" + ".io",
    "proxy" + ".golang",
    "maven" + ".org",
    "maven.apache" + ".org",
    "deb" + ".debian",
]
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root|home/\w+|Users/\w+)/[\w.]")
TRAILING_SPACE = re.compile(r"[ \t]+$", re.MULTILINE)


def test_the_top_level_holds_only_what_the_design_names():
    """Packages, tests, deploy and the few files of design.md §3, beside dot-files."""
    names = {path.parts[0] for path in repository_files()}

    assert {name for name in names if not name.startswith(".")} - TOP_LEVEL == set()


def test_no_file_names_a_package_registry():
    """Each machine has its own mirrors; an address in the repository would be wrong on the next one."""
    found = [f"{path}: {host}" for path, text in text_files() for host in REGISTRY_HOSTS if host in text]

    assert found == []


def test_no_file_names_a_path_of_one_machine():
    """No home folder and no work folder of whoever wrote it."""
    found = [f"{path}: {match.group()}" for path, text in text_files() for match in MACHINE_PATH.finditer(text)]

    assert found == []


def test_lock_files_hold_hashes_and_no_addresses():
    """Python's locks pin each package with a hash; npm's lock has an integrity for each and no `resolved`."""
    for lock in (
        "requirements.lock",
        "tests/requirements.lock",
        "api/assets/requirements.lock",
        ".ci/requirements.lock",
        "deploy/requirements.lock",
        "deploy/checks.lock",
    ):
        text = (ROOT / lock).read_text()
        assert "://" not in text, lock
        pins = re.findall(r"^[a-z0-9].*$", text, re.MULTILINE)
        assert pins, lock
        assert [pin for pin in pins if "==" not in pin or not pin.endswith("\\")] == [], lock

    packages = json.loads((ROOT / "api/assets/package-lock.json").read_text())["packages"]
    assert [name for name, entry in packages.items() if name and "integrity" not in entry] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


def test_the_test_lock_pins_what_the_service_lock_pins():
    """Tests run on the versions that are installed at a customer's."""
    pins = {
        lock: set(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text(), re.MULTILINE))
        for lock in ("requirements.lock", "tests/requirements.lock")
    }

    assert pins["requirements.lock"] - pins["tests/requirements.lock"] == set()


def test_each_package_is_typed_and_light_to_import():
    """py.typed in each, and an __init__.py that holds at most a docstring and re-exports."""
    for package in PACKAGES:
        assert (ROOT / package / "py.typed").is_file(), package
        text = (ROOT / package / "__init__.py").read_text()
        assert not re.search(
            r"^(def|class|if|try|with|for|\w+ *=(?!=))", text.replace("__all__ =", ""), re.MULTILINE
        ), package


def test_text_is_clean():
    """No trailing spaces, no carriage returns, a newline at the end; recordings stay as they came."""
    found = []
    for path, text in text_files():
        if "fixtures" in path.parts or path.suffix in {".po", ".pot", ".md", ".svg", ".jpg"}:
            continue
        if TRAILING_SPACE.search(text) or "\r" in text or (text and not text.endswith("\n")):
            found.append(str(path))

    assert found == []
