"""Service settings: defaults, one TOML file, the environment, the command line; everything unknown is named."""

from pathlib import Path

import pytest

from api.settings.file import SettingsError, load_settings, read_secret
from api.settings.model import Settings, environment_name, sections

FILES = Path(__file__).parent / "settings_files"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Each test runs in an empty folder: no `vardevakt.toml` of a developer counts."""
    monkeypatch.chdir(tmp_path)


def said(refused):
    """What a refused file says, without the folder it stands in."""
    return str(refused.value).replace(f"{FILES}/", "").splitlines()


def test_without_any_file_the_embedded_defaults_hold():
    """A machine without settings runs: a broker of its own, loopback only, no user, no password."""
    settings = load_settings(environ={})

    assert settings == Settings()
    assert settings.http.host == "127.0.0.1"
    assert settings.mqtt.url is None
    assert settings.mqtt.embedded
    assert settings.mqtt.receive_maximum == 65_535
    assert not [key for model in sections().values() for key in model.model_fields if key.endswith("password")]


@pytest.mark.parametrize("path", sorted(FILES.glob("good-*.toml")), ids=lambda path: path.stem)
def test_good_files_are_taken(path):
    """Every example of a good settings file loads and says something other than the defaults."""
    assert load_settings(path, {}) != Settings()


@pytest.mark.parametrize("path", sorted(FILES.glob("bad-*.toml")), ids=lambda path: path.stem)
def test_bad_files_name_everything_that_is_wrong(path):
    """Every example of a bad settings file gives exactly the sentences that stand at its head."""
    expected = [line[3:] for line in path.read_text().splitlines() if line.startswith("#! ")]

    with pytest.raises(SettingsError) as refused:
        load_settings(path, {})

    assert said(refused) == expected


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"VARDEVAKT_MQT_URL": "x"}, "VARDEVAKT_MQT_URL: unknown variable; did you mean VARDEVAKT_MQTT_URL?"),
        ({"VARDEVAKT_PASSWORD": "x"}, "VARDEVAKT_PASSWORD: unknown variable"),
        ({"VARDEVAKT_HTTP_PORT": "70000"}, "VARDEVAKT_HTTP_PORT: must be at most 65535"),
        ({"VARDEVAKT_HTTP_PORT": "x"}, "VARDEVAKT_HTTP_PORT: must be a whole number, not 'x'"),
        ({"VARDEVAKT_MQTT_EMBEDDED": "jo"}, "VARDEVAKT_MQTT_EMBEDDED: must be true or false, not 'jo'"),
        ({"VARDEVAKT_MQTT_URL": "mqtt://u:p@h"}, "VARDEVAKT_MQTT_URL: holds a user or password"),
        ({"VARDEVAKT_MQTT_VERSION": "5.0"}, "VARDEVAKT_MQTT_VERSION: '5.0' is not known here"),
        ({"VARDEVAKT_MQTT_CA_FILE": "/nowhere.pem"}, "VARDEVAKT_MQTT_CA_FILE: there is no file /nowhere.pem"),
    ],
)  # fmt: skip
def test_the_environment_is_as_strict_as_the_file(environ, expected):
    """An unknown or impossible variable is an error that names it and the nearest right name."""
    with pytest.raises(SettingsError) as refused:
        load_settings(environ=environ)

    assert str(refused.value).startswith(f"environment: {expected}")
    assert refused.value.line is None


def test_the_command_line_goes_over_the_environment_and_that_over_the_file(tmp_path):
    """Three sources, one order; what a source does not say, the one below decides."""
    file = tmp_path / "v.toml"
    file.write_text('[http]\nport = 1\nhost = "a"\npublic_url = "https://v.example.org/"\n')
    environ = {"VARDEVAKT_HTTP_PORT": "2", "VARDEVAKT_HTTP_HOST": "b", "VARDEVAKT_SETTINGS": str(file)}

    settings = load_settings(environ=environ, overrides={"http.port": 3, "data.dir": None})

    assert (settings.http.port, settings.http.host) == (3, "b")
    assert settings.http.public_url == "https://v.example.org"
    assert settings.secure_cookies


def test_values_of_the_environment_get_their_kind():
    """Text becomes numbers, flags, lists and paths; an empty variable says nothing."""
    environ = {
        "VARDEVAKT_ZIGBEE2MQTT_BASES": "zigbee2mqtt, hus/b",
        "VARDEVAKT_MQTT_EMBEDDED": "false",
        "VARDEVAKT_DATA_DIR": "/var/lib/vardevakt",
        "VARDEVAKT_SITE_ID": "",
    }  # fmt: skip

    settings = load_settings(environ=environ)

    assert settings.zigbee2mqtt.bases == ("zigbee2mqtt", "hus/b")
    assert (settings.mqtt.embedded, settings.site.id) == (False, None)
    assert settings.data.dir == Path("/var/lib/vardevakt")


def test_variables_that_others_set_are_not_ours():
    """What Kubernetes and our own tests put into the environment does not stop the service."""
    environ = {"VARDEVAKT_PORT": "tcp://10.0.0.1:80", "VARDEVAKT_SERVICE_HOST": "10.0.0.1", "VARDEVAKT_SHARED": "/x"}

    assert load_settings(environ=environ) == Settings()


def test_paths_in_a_file_are_relative_to_it(tmp_path):
    """A settings file can be moved together with the files it names."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "mqtt.secret").write_text("hemmelig\n")
    (folder / "v.toml").write_text('[data]\ndir = "d"\n[mqtt]\nusername = "v"\npassword_file = "mqtt.secret"\n')

    settings = load_settings(folder / "v.toml", {})

    assert settings.data.dir == folder / "d"
    assert settings.mqtt.password_file is not None
    assert read_secret(settings.mqtt.password_file) == "hemmelig"


def test_a_secret_file_without_a_secret_is_refused(tmp_path):
    """An empty password file is a mistake that would otherwise look like a wrong password."""
    (tmp_path / "empty").write_text("\n")

    with pytest.raises(SettingsError, match="holds no password"):
        read_secret(tmp_path / "empty")


def test_a_missing_file_is_named():
    """Whoever names a file that is not there hears so, with its name."""
    with pytest.raises(SettingsError, match=r"^/nowhere/v\.toml: cannot be read"):
        load_settings("/nowhere/v.toml", {})


def test_every_setting_has_a_variable_of_its_own():
    """No two settings share a name in the environment, so none can be set by accident."""
    names = [environment_name(section, key) for section, model in sections().items() for key in model.model_fields]

    assert len(names) == len(set(names))
