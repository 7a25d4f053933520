"""The main job on real images: lint, fix, build before and after with a real daemon, inspect both."""

import json
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from tests.conftest import Build
from tests.material import store
from tests.material.images import CondaBase
from tests.test_cli import slimconda

pytestmark = pytest.mark.daemon


def warnings(report: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the findings of a JSON report but the advice."""
    return [finding for finding in report["findings"] if finding["severity"] != "info"]


def dockerfile(base: CondaBase) -> bytes:
    return (
        f"FROM {base.tag}\n"
        "# the environment of the application\n"
        "RUN echo start && \\\n"
        "    conda install --yes alpha \\\n"
        "      # beta depends on alpha\n"
        "      beta && \\\n"
        "    echo done\n"
        "ENV APPLICATION=1\n"
        "RUN conda clean --all --yes\n"
    ).encode()


def inspected(image: str, folder: Path) -> dict[str, Any]:
    run = slimconda("inspect", image, "--format", "json", cwd=folder)
    assert run.returncode in {0, 1}, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def docker_sizes(client: DockerClient, image: str) -> list[int]:
    """Return the sizes that Docker's own history states, oldest first, without the entries that are no layer."""
    return [entry["Size"] for entry in reversed(client.images.get(image).history()) if entry["Size"]]


def sizes(report: dict[str, Any]) -> list[int]:
    return [layer["size"] for layer in report["layers"] if layer["size"]]


def the_run(report: dict[str, Any]) -> dict[str, Any]:
    """Return the layer of the install; the base image's own RUNs come before it."""
    found: dict[str, Any] = [layer for layer in report["layers"] if "conda install" in layer["created_by"]][-1]
    return found


def test_lint_fix_build_inspect(
    conda_base: CondaBase, build: Build, docker_client: DockerClient, tmp_path: Path
) -> None:
    path = tmp_path / "Dockerfile"
    path.write_bytes(dockerfile(conda_base))
    findings = warnings(json.loads(slimconda("lint", "--format", "json", cwd=tmp_path).stdout))
    assert [(f["rule"], f["line"], f["column"]) for f in findings] == [
        ("conda-cache-left", 4, 5),
        ("conda-clean-in-later-layer", 9, 5),
    ]

    before, after = (f"slimconda-test/e2e-{conda_base.name}:{when}" for when in ("before", "after"))
    build(path.read_text(), before)
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert path.read_bytes() == dockerfile(conda_base).replace(
        b"beta && \\\n", b"beta && \\\n    conda clean --all --yes && \\\n"
    ).replace(b"RUN conda clean --all --yes\n", b"")
    build(path.read_text(), after)

    first, second = inspected(before, tmp_path), inspected(after, tmp_path)
    assert sizes(first) == docker_sizes(docker_client, before)
    assert sizes(second) == docker_sizes(docker_client, after)
    assert [finding["rule"] for finding in first["findings"]] == ["conda-clean-in-later-layer"]
    assert second["findings"] == []

    announced = the_run(first)["clean"]["all"]
    saved = the_run(first)["size"] - the_run(second)["size"]
    print(f"{conda_base.name}: announced {announced} bytes, saved {saved}, difference {saved - announced}")
    assert announced > 1_000_000
    assert abs(saved - announced) <= DIFFERENCES[conda_base.name]

    for image in (before, after):
        store.run(conda_base.proof(image, "alpha", "beta"))


# What differs beside the clean: with conda 4.3 nothing else does; conda-meta/history holds the time of the install, of
# equal length each time.
DIFFERENCES = {"rattler": 0, "conda43": 0}


def test_a_partial_clean_leaves_the_archives(rattler_base: CondaBase, build: Build, tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    path.write_text(f"FROM {rattler_base.tag}\nRUN conda install -y alpha beta && conda clean --index-cache --yes\n")
    build(path.read_text(), "slimconda-test/partial:before")
    findings = warnings(json.loads(slimconda("lint", "--format", "json", cwd=tmp_path).stdout))
    assert [(f["rule"], f["line"], f["column"]) for f in findings] == [("conda-clean-incomplete", 2, 36)]
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert path.read_text().endswith("&& conda clean --all --yes\n")
    build(path.read_text(), "slimconda-test/partial:after")
    before, after = (the_run(inspected(f"slimconda-test/partial:{when}", tmp_path)) for when in ("before", "after"))
    print(f"partial: {before['size']} -> {after['size']} bytes, archives {before['cache']['archives']}")
    assert before["size"] - after["size"] == before["cache"]["archives"] == before["clean"]["all"] > 3_000_000


def test_an_archive_tells_the_same_as_the_daemon(
    rattler_base: CondaBase, build: Build, docker_client: DockerClient, tmp_path: Path
) -> None:
    image = "slimconda-test/archive:1"
    build(f"FROM {rattler_base.tag}\nRUN conda create --yes --name e alpha\n", image)
    with (tmp_path / "image.tar").open("wb") as file:
        file.writelines(docker_client.images.get(image).save())
    of_daemon, of_archive = inspected(image, tmp_path), inspected("image.tar", tmp_path)
    assert of_archive["layers"] == of_daemon["layers"]
    assert [finding["rule"] for finding in of_archive["findings"]] == ["conda-cache-left"]


def test_an_unknown_image_is_one_line(docker_client: DockerClient, tmp_path: Path) -> None:
    run = slimconda("inspect", "slimconda-test/no-such-image:1", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
    assert b"slimconda-test/no-such-image:1" in run.stderr


def test_no_daemon_is_one_line(tmp_path: Path) -> None:
    run = slimconda("inspect", "some/image", cwd=tmp_path, DOCKER_HOST=f"unix://{tmp_path}/no.sock")
    assert run.returncode == 2
    assert run.stderr.count(b"\n") == 1
    assert b"daemon" in run.stderr
