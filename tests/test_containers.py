"""The image and the compose file name only what there is: no Docker daemon is needed to see that."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import uvicorn
import yaml

from fmnist_core.environment import Environment

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]


@pytest.mark.parametrize("service", ["scheduler", "worker"])
def test_dask_is_started_as_a_module_and_finds_the_engine(service):
    """The console script `dask` has its own folder on the path, not the one it is started from."""
    assert SERVICES[service]["command"][:4] == ["python", "-m", "dask", service]
    assert re.search(r"^WORKDIR /app$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^ENV .*\bPYTHONPATH=/app\b", DOCKERFILE, re.MULTILINE)


def test_workers_have_the_containers_limit_and_none_of_dasks():
    assert "--memory-limit=0" in SERVICES["worker"]["command"]
    # What the largest network of the form takes; docs/hosting.md has the figure.
    assert int(SERVICES["worker"]["mem_limit"].removesuffix("g")) > 3


def test_every_variable_is_one_that_is_read():
    known = {field.metadata["name"] for field in dataclasses.fields(Environment)}
    named = set(re.findall(r"FMNIST_\w+", DOCKERFILE)) | {
        name for service in SERVICES.values() for name in service.get("environment", {})
    }
    assert named
    assert named <= known


def test_a_proxy_on_another_machine_is_believed_about_https(monkeypatch):
    name, value = re.search(r"^ENV .*\b(FORWARDED\w+)=(\S+)", DOCKERFILE, re.MULTILINE).groups()
    monkeypatch.setenv(name, value)
    assert uvicorn.Config(app=None).forwarded_allow_ips == "*"


def test_what_is_copied_is_there_and_not_left_out_by_dockerignore():
    copied = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE, re.MULTILINE)
    admitted = {line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().split() if line[0] == "!"}
    assert {"dashboard.py", "pages", "fmnist_core"} <= set(copied)
    assert set(copied) == admitted
    assert all((ROOT / path).exists() for path in copied)


def test_the_program_is_started_with_a_file_that_is_copied():
    command = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    assert command[:3] == ["streamlit", "run", "dashboard.py"]


def test_containers_share_one_store_where_the_image_keeps_it():
    folder = re.search(r"FMNIST_RUNS=(\S+)", DOCKERFILE).group(1)
    for service in ("dashboard", "worker"):
        assert SERVICES[service]["volumes"] == [f"runs:{folder}"]
