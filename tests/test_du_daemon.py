"""What du says of an image of the daemon, beside the image that a real clean in the same RUN gives."""

import json
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from tests.conftest import Build
from tests.material.images import CondaBase
from tests.test_cli import slimconda

pytestmark = pytest.mark.daemon

INSTALL = "conda create -y -p /opt/conda/envs/e beta && conda create -y -p /opt/conda/envs/f alpha"
GONE = f"{INSTALL} && rm -rf /opt/conda/envs/e"  # beta is in no environment any more


def facts_of(image: str, folder: Path) -> dict[str, Any]:
    run = slimconda("du", "--image", image, "--json", cwd=folder)
    assert run.returncode == 0, run.stderr
    facts: dict[str, Any] = json.loads(run.stdout)
    return facts


def last_layer(client: DockerClient, image: str) -> int:
    """Return the size of the RUN's layer, as Docker's own history states it."""
    size: int = client.images.get(image).history()[0]["Size"]
    return size


@pytest.mark.parametrize("clean", ["conda clean --all --yes", "conda clean --packages --yes"])
def test_a_clean_in_the_run_saves_what_was_predicted(
    conda43_base: CondaBase, build: Build, docker_client: DockerClient, tmp_path: Path, clean: str
) -> None:
    made = f"FROM {conda43_base.tag}\nRUN mkdir -p /opt/conda/conda-bld && {GONE}"
    build(f"{made}\n", "slimconda-test/du:left")
    build(f"{made} && {clean}\n", "slimconda-test/du:cleaned")
    facts = facts_of("slimconda-test/du:left", tmp_path)
    (predicted,) = [found["bytes"]["apparent"] for found in facts["cleans"] if found["command"] == clean]
    saved = last_layer(docker_client, "slimconda-test/du:left") - last_layer(docker_client, "slimconda-test/du:cleaned")
    assert predicted == saved > 1_000_000
    assert {path["path"] for path in facts["environments"]} == {"/opt/conda", "/opt/conda/envs/f"}
