"""What inspect announces as reclaimable, beside the bytes by which images really shrink when rebuilt without it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import obtain
from tests.material import leftovers, store
from tests.material import podman as podmans
from tests.material.leftovers import LEFTOVERS
from tests.test_cli import slimconda

if TYPE_CHECKING:
    from collections.abc import Iterator

    from docker import DockerClient

    from tests.material.images import CondaBase

pytestmark = pytest.mark.daemon


@pytest.fixture(scope="module")
def base(tools: CondaBase) -> str:
    """Return the tag of the image with conda 4.3.16, pip and uv."""
    return tools.tag


@pytest.fixture(scope="module")
def podman(base: str) -> Iterator[podmans.Podman]:
    """Return a podman that has the base image."""
    obtain(lambda: store.tool("podman"))
    with podmans.podman(base) as found:
        yield found


@pytest.fixture
def tags(docker_client: DockerClient) -> Iterator[tuple[str, str]]:
    """Give names of two images, which go at the end."""
    names = ("slimconda-test/leftovers:before", "slimconda-test/leftovers:after")
    yield names
    for name in names:
        docker_client.images.remove(name, force=True)


@pytest.mark.parametrize("name", LEFTOVERS)
def test_an_image_shrinks_by_what_was_announced(
    name: str,
    base: str,
    address: str,
    tags: tuple[str, str],
    docker_client: DockerClient,
    request: pytest.FixtureRequest,
) -> None:
    leftover = LEFTOVERS[name]
    podman = None if leftover.podman is None else request.getfixturevalue("podman")
    for tag, clean in zip(tags, (False, True), strict=True):
        leftovers.build(leftover, base, tag, address, podman, clean=clean)
    before, after = (docker_client.images.get(tag).attrs["Size"] for tag in tags)
    announced, kept = (reclaimable(inspected(tag)) for tag in tags)
    print(f"{name}: announced {announced:,}, shrinks by {before - after:,}")
    assert announced > 3_000
    assert (before - after, kept) == (announced, 0)


def inspected(image: str) -> dict[str, Any]:
    run = slimconda("inspect", image, "--format", "json", cwd=store.cache_root())
    assert run.returncode in {0, 1}, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return report


def reclaimable(report: dict[str, Any]) -> int:
    found: int = report["totals"]["reclaimable"]
    return found
