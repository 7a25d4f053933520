"""Images of a real podman: read through its service as through Docker's, and a fix proved with its builds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import obtain
from tests.material import podman as podmans
from tests.material import store
from tests.test_cli import slimconda

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.material.images import CondaBase

pytestmark = pytest.mark.daemon
TAG = "slimconda-test/podman:1"


@pytest.fixture(scope="module")
def podman(rattler_base: CondaBase) -> Iterator[podmans.Podman]:
    """Return a podman that has the image of py-rattler's conda."""
    obtain(lambda: store.tool("podman"))
    with podmans.podman(rattler_base.tag) as found:
        yield found


def inspected(image: str, folder: Path, address: str) -> dict[str, Any]:
    run = slimconda("inspect", image, "--format", "json", cwd=folder, DOCKER_HOST=address)
    assert run.returncode == 1, run.stderr
    report: dict[str, Any] = json.loads(run.stdout)
    return {key: report[key] for key in ("layers", "totals")}


def test_the_service_tells_what_the_archive_tells(
    podman: podmans.Podman, rattler_base: CondaBase, tmp_path: Path
) -> None:
    podman.build(f"FROM {rattler_base.tag}\nRUN conda install -y alpha\n", TAG)
    archive = tmp_path / "image.tar"
    store.run(podman.command("save", "--quiet", "--format=docker-archive", f"--output={archive}", TAG))
    with podman.service() as address:
        of_service = inspected(f"localhost/{TAG}", tmp_path, address)
        assert of_service == inspected("image.tar", tmp_path, address)
    assert of_service["totals"]["reclaimable"] > 2_000_000


def test_a_fix_is_proved_with_podman(podman: podmans.Podman, rattler_base: CondaBase, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM localhost/{rattler_base.tag}\nRUN conda install -y alpha\n")
    words = ["prove", "--docker", str(podman.program()), "--network", "host", "--format", "json"]
    with podman.service() as address:
        run = slimconda(*words, cwd=tmp_path, DOCKER_HOST=address, BUILDAH_ISOLATION="chroot")
    assert run.returncode == 0, run.stderr[-2000:]
    (saved,) = json.loads(run.stdout)["rules"].values()
    assert saved["announced"] == saved["gone"] > 2_000_000
    assert store.run(podman.command("image", "ls", "--quiet", "slimconda-prove")) == ""
    assert store.run(podman.command("container", "ls", "--all", "--quiet")) == ""
