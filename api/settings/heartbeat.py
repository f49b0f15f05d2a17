"""The table of the settings that says who outside hears that the checks pass. Reads nothing; the secret is a file."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from alerts.checks.heartbeat import problem_of
from alerts.site.problems import shown, wrong
from api.settings.section import FilePath, Section, is_http_address


def _monitor_url(text: str) -> str:
    problem = problem_of(text)
    if problem is not None:
        raise wrong("bad_template", problem)
    if not is_http_address(text):
        raise wrong("bad_url", f"{shown(text)} is no address; write https://monitor.example.org/ping/$secret")
    if (parts := urlsplit(text)).username or parts.password:
        raise wrong("secret_in_url", "holds a user or password; write secret_file instead")
    return text


class Heartbeat(Section):
    url: Annotated[str, AfterValidator(_monitor_url)] | None = Field(
        None, description="Called every minute (POST); may hold $secret and $status (ok, findings). Without it: off."
    )
    secret_file: FilePath | None = Field(
        None, description="File with the secret: put in place of $secret, else sent as a Bearer token."
    )
    timeout_seconds: int = Field(5, ge=1, le=30, description="How long a call may take.")
    ca_file: FilePath | None = Field(
        None, description="Certificates that may sign the monitor's. Without it: the system's."
    )

    @model_validator(mode="after")
    def _whole(self) -> Heartbeat:
        if self.url is not None and "$secret" in self.url and self.secret_file is None:
            raise wrong("needed", "is missing; url holds $secret", "secret_file")
        return self
