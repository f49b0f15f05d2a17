from pathlib import Path

import pytest

from api import guard

OURS = {package: [f"/srv/app/{package}"] for package in guard.PACKAGES}
CLAIMS = {package: ["vardevakt"] for package in guard.PACKAGES}


@pytest.mark.parametrize(
    ("directories", "claims", "expected"),
    [
        pytest.param(OURS, CLAIMS, [], id="installed wheel"),
        pytest.param(OURS, {}, [], id="checkout without an install"),
        pytest.param(OURS, CLAIMS | {"yaml": ["ruamel-yaml"]}, [], id="foreign names do not concern us"),
        pytest.param(OURS, CLAIMS | {"api": ["vardevakt", "Vardevakt"]}, [], id="named twice is still us"),
        pytest.param(
            OURS,
            CLAIMS | {"rules": ["vardevakt", "Rules"]},
            ["distribution 'rules' installs a package 'rules' too"],
            id="merged",
        ),
        pytest.param(OURS | {"alerts": []}, CLAIMS, ["package 'alerts' is missing"], id="missing"),
        pytest.param(
            OURS | {"api": ["/opt/other/api"]},
            CLAIMS,
            ["our packages come from different folders: /opt/other, /srv/app"],
            id="one from elsewhere",
        ),
        pytest.param(
            OURS | {"rules": ["/srv/app/rules", "/srv/lib/rules"]},
            CLAIMS,
            [
                "package 'rules' is spread over /srv/app/rules, /srv/lib/rules",
                "our packages come from different folders: /srv/app, /srv/lib",
            ],
            id="namespace over two folders",
        ),
    ],
)
def test_judges_what_is_installed(directories, claims, expected):
    """Each way in which our names can be shared is named, and nothing else is."""
    assert guard.find_problems(directories, claims) == expected


def test_accepts_the_environment_the_tests_run_in():
    """The packages of this checkout are ours alone, out of one folder."""
    guard.check_installation()

    assert {Path(place).parent for places in guard.locate_packages().values() for place in places} == {
        Path(guard.__file__).resolve().parent.parent
    }


def plant_distribution(site: Path, name: str, package: str) -> None:
    """Lay out what pip leaves behind after installing `name`, which brings a top-level `package`."""
    (site / package).mkdir()
    (site / package / "__init__.py").write_text("")
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{package}/__init__.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n")


def test_refuses_a_distribution_that_brings_one_of_our_names(tmp_path, monkeypatch):
    """A real dist-info with a folder `rules` on the path stops the start, and the message says what to do."""
    plant_distribution(tmp_path, "rules", "rules")
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(
        guard.ForeignPackageError, match=r"'rules' installs a package 'rules' too.*environment of its own"
    ):
        guard.check_installation()


def test_does_not_mind_other_distributions(tmp_path, monkeypatch):
    """A distribution with names of its own is none of our business."""
    plant_distribution(tmp_path, "django-rules", "django_rules")
    monkeypatch.syspath_prepend(tmp_path)

    guard.check_installation()

    assert guard.locate_packages()["rules"] == [str(Path(guard.__file__).resolve().parent.parent / "rules")]
