"""Edge: where settings come from. One TOML file, over it the environment, over that the command line.

Strict: a key that nobody knows, in the file or in the environment, is an error that names file, line, field and the
nearest right name. Nothing else in the program reads `VARDEVAKT_…`.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

from alerts.site.problems import Problem, meant, nearest, problems_of
from api.settings.channels import missing
from api.settings.model import Settings, environment_name, sections
from api.settings.section import Section

PREFIX = "VARDEVAKT_"
FILE_VARIABLE = "VARDEVAKT_SETTINGS"
FILE_DEFAULT = "vardevakt.toml"
BYTES_MAX = 262_144
# read by the tests and scripts of the repository, never by the service
_TOOLING = re.compile(r"VARDEVAKT_(SHARED|HYPOTHESIS|NO_SKIP|SKIPS_FILE|CRASH_\w+|TEST_\w+|BENCH_\w+)")
# what Kubernetes puts into every container beside a Service that is called vardevakt
_KUBERNETES = re.compile(r"VARDEVAKT_(SERVICE_HOST|SERVICE_PORT\w*|PORT(_\d+_\w+)?)")


class SettingsError(Exception):
    """Settings that cannot be used. `file`, `line`, `field` and `message` are those of the first of `problems`.

    `file` is "environment" or "command line" where the value came from there; `line` is then None.
    """

    def __init__(self, problems: list[tuple[str, Problem]]) -> None:
        self.problems = sorted(problems, key=lambda found: (found[0], found[1].line or 0))
        self.file, first = self.problems[0]
        self.line, self.field, self.message = first.line, first.field, first.message
        super().__init__("\n".join(_said(file, problem) for file, problem in self.problems))


def _said(file: str, problem: Problem) -> str:
    where = file if problem.line is None else f"{file}:{problem.line}"
    return f"{where}: {problem.field}: {problem.message}" if problem.field else f"{where}: {problem.message}"


def load_settings(
    path: Path | str | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force. Raises SettingsError naming all that is wrong.

    `path` None = the file that VARDEVAKT_SETTINGS names, else `vardevakt.toml` here if there is one, else none.
    `overrides`: {"http.port": 0, …} from the command line; None values say nothing.
    """
    variables = os.environ if environ is None else environ
    named = path or variables.get(FILE_VARIABLE) or (FILE_DEFAULT if Path(FILE_DEFAULT).is_file() else None)
    return _Loading(None if named is None else Path(named), variables, overrides or {}).settings()


def read_secret(path: Path) -> str:
    """What a secret file holds, without the line break that editors add. Raises SettingsError when it is empty."""
    try:
        secret = path.read_text("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError([(str(path), Problem("no_file", "", f"cannot be read: {error}"))]) from error
    if not secret:
        raise SettingsError([(str(path), Problem("empty", "", "holds no password"))])
    return secret


class _Loading:
    """Gathers values and remembers where each came from."""

    def __init__(self, path: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]) -> None:
        self._path, self._text = path, ""
        self._problems: list[tuple[str, Problem]] = []
        self._values: dict[str, dict[str, Any]] = {name: {} for name in sections()}
        self._origins: dict[tuple[str, str], str] = {}
        if path is not None:
            self._take_file(path)
        self._take_environment(environ)
        self._take_overrides(overrides)

    def settings(self) -> Settings:
        checked: dict[str, Section] = {}
        for name, model in sections().items():
            try:
                checked[name] = model.model_validate(self._values[name])
            except ValidationError as error:
                for problem in problems_of(error, tuple(model.model_fields)):
                    self._note(name, problem)
        for name, problem in missing(checked):
            self._note(name, problem)
        if self._problems:
            raise SettingsError(self._problems)
        made: dict[str, Any] = dict(checked)
        return Settings(**made)

    def _note(self, section: str, problem: Problem) -> None:
        """A problem of one field, at the place where its value was written."""
        key = re.split(r"[.\[]", problem.field)[0]
        file = self._origins.get((section, key), str(self._path) if self._path else "settings")
        if file == "environment":
            field, line = environment_name(section, key), None
        else:
            field = f"{section}.{problem.field}"
            line = _line_of(self._text, section, key) if self._path and file == str(self._path) else None
        self._problems.append((file, Problem(problem.code, field, problem.message, line, problem.nearest)))

    def _take_file(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                content = file.read(BYTES_MAX + 1)
            if len(content) > BYTES_MAX:
                raise SettingsError([(str(path), Problem("too_large", "", "is larger than 256 KiB", 1))])
            self._text = content.decode("utf-8")
            document = tomllib.loads(self._text)
        except OSError as error:
            raise SettingsError([(str(path), Problem("no_file", "", f"cannot be read: {error.strerror}"))]) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise SettingsError([(str(path), Problem("not_utf8", "", "is not UTF-8", line))]) from error
        except tomllib.TOMLDecodeError as error:
            raise SettingsError([(str(path), _toml_problem(error, self._text))]) from error
        except RecursionError as error:
            raise SettingsError([(str(path), Problem("not_toml", "", "is nested too deeply", 1))]) from error
        for name, table in document.items():
            self._take_table(path, name, table)

    def _take_table(self, path: Path, name: str, table: object) -> None:
        line = _line_of(self._text, name, "")
        if name not in self._values:
            sentence, near = meant(tuple(self._values), name)
            self._problems.append(
                (str(path), Problem("unknown_key", name[:60], f"unknown section; {sentence}", line, near))
            )
        elif not isinstance(table, dict):
            message = f"must be a table; write [{name}] and its keys below"
            self._problems.append((str(path), Problem("not_object", name, message, line)))
        else:
            model = sections()[name]
            for key, value in table.items():
                field = model.model_fields.get(key)
                if field is not None and _is_path(field) and isinstance(value, str) and value:
                    value = str(path.parent / value)  # relative to the file that says it
                self._values[name][key] = value
                self._origins[name, key] = str(path)

    def _take_environment(self, environ: Mapping[str, str]) -> None:
        known = {
            environment_name(section, key): (section, key)
            for section, model in sections().items()
            for key in model.model_fields
        }
        for variable in sorted(environ):
            if not variable.startswith(PREFIX) or variable == FILE_VARIABLE:
                continue
            if _TOOLING.fullmatch(variable) or _KUBERNETES.fullmatch(variable):
                continue
            if variable not in known:
                near = nearest(variable, (*known, FILE_VARIABLE))
                hint = f"; did you mean {near}?" if near else "; `vardevakt check --settings-docs` lists all"
                problem = Problem("unknown_key", variable[:80], f"unknown variable{hint}", nearest=near)
                self._problems.append(("environment", problem))
                continue
            section, key = known[variable]
            if environ[variable] == "":
                continue  # what compose files and unit files write for "not set"
            self._origins[section, key] = "environment"
            self._values[section][key] = _from_text(sections()[section].model_fields[key], environ[variable])

    def _take_overrides(self, overrides: Mapping[str, object]) -> None:
        for name, value in overrides.items():
            section, _, key = name.partition(".")
            assert key in sections()[section].model_fields, f"{name} is a setting"
            if value is not None:
                self._origins[section, key] = "command line"
                self._values[section][key] = value


def _from_text(field: FieldInfo, text: str) -> object:
    """A value of the environment as the field wants it; what does not fit stays text, and the field says so."""
    if "tuple" in str(field.annotation):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    kind: Any = field.annotation
    try:
        converted: object = TypeAdapter(kind).validate_python(text)
    except ValidationError:
        return text
    return converted if isinstance(converted, bool | int) else text


def _is_path(field: FieldInfo) -> bool:
    return "Path" in str(field.annotation)


def _toml_problem(error: tomllib.TOMLDecodeError, text: str) -> Problem:
    match = re.search(r" \(at line (\d+), column \d+\)$", str(error))
    line = int(match[1]) if match else text.count("\n") + 1
    sentence = str(error)[: match.start()] if match else str(error).removesuffix(" (at end of document)")
    return Problem("not_toml", "", f"is no TOML: {sentence[:1].lower()}{sentence[1:160]}", line)


def _line_of(text: str, section: str, key: str) -> int:
    """The line where a key of a table stands, or the table itself. tomllib keeps no lines; a search is near enough."""
    inside = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[=.]") if key else None
    outside = re.compile(rf"\s*{re.escape(section)}\s*(=|\.\s*{re.escape(key)}\b)")
    current, table_line = "", 1
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[+\s*[\"']?([^\]\"'.]+)", line)
        if header:
            current = header[1].strip()
            table_line = number if current == section else table_line
            continue
        wanted = inside if current == section else outside if current == "" else None
        if wanted is not None and wanted.match(line):
            return number
    return table_line
