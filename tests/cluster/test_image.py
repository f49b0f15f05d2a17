"""The image of deploy/Dockerfile, built and run: no root, a read-only root, and the service in it answers.

Minutes long and in need of an engine and a base image, so only where somebody has both: podman on PATH, and the image
in VARDEVAKT_TEST_BASE_IMAGE; further options of the build (mirrors, certificates) in VARDEVAKT_TEST_BUILD_OPTIONS.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.contract.test_cli import SITE
from tests.support.deployed import health_command
from tests.support.servers import ROOT, free_port
from tests.support.waiting import wait_until

IMAGE = "localhost/vardevakt:test"
PODMAN = ("podman", "--cgroup-manager=cgroupfs")
LIMITS = ("--ulimit", "nofile=1024:1024", "--network=host")
RUN = (*PODMAN[:1], "--runtime", "runc", *PODMAN[1:], "run", *LIMITS, "--ulimit", "nproc=1000:1000", "--read-only")


def test_the_image_serves_without_root_on_a_read_only_root(tmp_path: Path) -> None:
    """Built from the lock files; a site is imported, the service answers its health check, and ends with SIGTERM."""
    base = os.environ.get("VARDEVAKT_TEST_BASE_IMAGE")
    if base is None or shutil.which("podman") is None:
        pytest.skip("no container engine or base image: apt install podman runc, set VARDEVAKT_TEST_BASE_IMAGE")
    more = shlex.split(os.environ.get("VARDEVAKT_TEST_BUILD_OPTIONS", ""))
    build = [*PODMAN, "build", "--format=docker", "--isolation=chroot", *LIMITS, *more, "--build-arg", f"BASE={base}"]
    subprocess.run([*build, "-f", "deploy/Dockerfile", "-t", IMAGE, "."], cwd=ROOT, check=True, timeout=1_800)
    data, port, name = tmp_path / "data", free_port(), f"vardevakt-test-{os.getpid()}"
    data.mkdir()
    os.chown(data, 10001, 10001)
    (tmp_path / "site.yaml").write_text(SITE)
    places = ["-v", f"{data}:/var/lib/vardevakt", "-v", f"{tmp_path / 'site.yaml'}:/site.yaml:ro", "--tmpfs", "/tmp"]
    own = [
        "-e",
        f"VARDEVAKT_HTTP_PORT={port}",
        "-e",
        "VARDEVAKT_MQTT_EMBEDDED_PORT=0",
        "-e",
        "VARDEVAKT_HTTP_HOST=127.0.0.1",
    ]
    subprocess.run([*RUN, "--rm", *places, IMAGE, "site", "import", "/site.yaml"], check=True, timeout=120)
    serving = subprocess.Popen([*RUN, "--rm", "--name", name, *places, *own, IMAGE])
    try:
        check = health_command(port)
        wait_until(
            lambda: subprocess.run(check, check=False, capture_output=True).returncode == 0, "a healthy service", 120
        )
        who = subprocess.run([*PODMAN, "exec", name, "id", "-u"], check=False, capture_output=True, text=True)
        assert who.stdout.strip() in {"10001", ""}  # "": this machine's runtime cannot enter a container
    finally:
        subprocess.run([*PODMAN, "stop", "--time", "60", name], check=False, capture_output=True, timeout=120)
        code = serving.wait(60)
    assert code == 0, "SIGTERM ends it in order"
    assert {path.stat().st_uid for path in data.iterdir()} == {10001}
