"""Images of merged RUNs, built by a real daemon: the same files as of split ones, in fewer and smaller layers."""

import json
from pathlib import Path

import pytest
from docker import DockerClient

from tests.conftest import Build
from tests.material.images import CondaBase, docker
from tests.test_cli import slimconda

RULE = "conda-installs-split"
ENVIRONMENTS = """\
RUN conda create -y -n web numpy && conda clean --all --yes
RUN conda create -y -n worker numpy requests && conda clean --all --yes
"""
ONE_PREFIX = """\
RUN conda install -y alpha
# the next
RUN cd /tmp && conda install -y beta
RUN conda install -y numpy && test "$PWD" = /
"""


def layers(client: DockerClient, tag: str, base: CondaBase) -> list[int]:
    """Return the sizes of an image's own layers, the lowest first."""
    known = len(client.images.get(base.tag).history())
    return [entry["Size"] for entry in reversed(client.images.get(tag).history())][known:]


@pytest.mark.daemon
def test_merged_environments_share_their_files(
    conda_base: CondaBase, build: Build, docker_client: DockerClient, tmp_path: Path
) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(f"FROM {conda_base.tag}\n{ENVIRONMENTS}")
    build(file.read_text(), "slimconda-test/split:1")
    assert slimconda("fix", "--select", RULE, "--unsafe", "Dockerfile", cwd=tmp_path).returncode == 0
    build(file.read_text(), "slimconda-test/merged:1")
    split, merged = (layers(docker_client, f"slimconda-test/{name}:1", conda_base) for name in ("split", "merged"))
    print(f"{conda_base.name}: {split} in two layers, {merged} in one")
    assert len(split) == 2
    assert len(merged) == 1
    assert max(split) < merged[0] < sum(split) * 0.7


@pytest.mark.daemon
@pytest.mark.parametrize("conda_base", ["conda43"], indirect=True)
def test_merged_installs_make_the_same_files(conda_base: CondaBase, build: Build, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {conda_base.tag}\n{ONE_PREFIX}")
    diff = slimconda("fix", "--diff", "--unsafe", "--extend-select", RULE, "Dockerfile", cwd=tmp_path).stdout.decode()
    assert (diff.count("\n-RUN "), diff.count("\n+RUN ")) == (3, 1)
    options = ["--docker", docker(), "--network", "none", "--unsafe", "--extend-select", RULE, "--format", "json"]
    run = slimconda("prove", *options, cwd=tmp_path, DOCKER_BUILDKIT="1")
    proof = json.loads(run.stdout or "{}")
    assert run.returncode == 0, (proof.get("others"), run.stderr.decode()[-2000:])
    print(f"{conda_base.name}: {proof['size']}, {proof['residue']}")
    assert proof["size"]["after"] < proof["size"]["before"]
