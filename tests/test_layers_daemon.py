"""Images of a real daemon: the same bytes as its archives, and as its own history."""

from __future__ import annotations

import gc
import subprocess
import warnings
from typing import TYPE_CHECKING

import pytest

from slimconda.errors import DaemonError, ImageError
from slimconda.layers.image import Image, open_image
from slimconda.layers.request import Request
from tests.images import RECIPES, docker_old, load_recipe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from docker import DockerClient

    from tests.conftest import Build

# These hold what Docker refuses to load: links to nowhere and names above the root.
LOADABLE = [path for path in RECIPES if path.stem not in {"odd-names", "same-layer-whiteout"}]
DOCKERFILE = """\
FROM {base}
RUN mkdir /w && cd /w && head -c 70000 /dev/zero > a && ln a b && ln -s /w/a c && mkdir d && cp a d/e
ENV A=1
RUN rm -rf /w/d && mkdir /w/d && cp /w/a /w/d/f
RUN chmod 600 /w/a
RUN true
RUN rm -rf /w
"""


@pytest.fixture
def tag(docker_client: DockerClient) -> Iterator[str]:
    name = "slimconda-test/layers:1"
    yield name
    with warnings.catch_warnings():
        docker_client.images.remove(name, force=True)


def nonzero(sizes: Iterator[int] | tuple[int, ...] | list[int]) -> list[int]:
    return [size for size in sizes if size]


def stated_sizes(client: DockerClient, tag: str) -> list[int]:
    """Return the sizes of all entries of Docker's own history, oldest first."""
    return [entry["Size"] for entry in reversed(client.images.get(tag).history())]


@pytest.mark.daemon
@pytest.mark.parametrize("recipe", LOADABLE, ids=lambda path: path.stem)
def test_loaded_layers_have_dockers_sizes(recipe: Path, docker_client: DockerClient, tag: str, tmp_path: Path) -> None:
    archive = tmp_path / "a.tar"
    archive.write_bytes(docker_old(load_recipe(recipe).tars(), tag))
    docker_client.images.load(archive.read_bytes())
    image = open_image(tag)
    assert image.totals == open_image(str(archive)).totals
    assert nonzero([layer.size for layer in image.layers]) == nonzero(stated_sizes(docker_client, tag))


@pytest.mark.daemon
@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_built_layers_have_dockers_sizes(
    buildkit: str,
    base_image: str,
    tag: str,
    docker_client: DockerClient,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(base=base_image))
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    command = ["/usr/bin/docker", "build", "--network=none", "-q", "-t", tag, str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    image = open_image(tag)
    # BuildKit leaves symlinks out of what its history says, all other ways into a daemon count them.
    first = 140_000 if buildkit == "1" else 140_004
    assert nonzero([layer.size for layer in image.layers[1:]]) == [first, 70_000, 70_000]
    assert not any(layer.live for layer in image.layers[1:])
    assert nonzero([layer.size for layer in image.layers]) == nonzero(stated_sizes(docker_client, tag))
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"".join(docker_client.images.get(tag).save()))
    assert [layer.size for layer in open_image(str(archive)).layers] == [layer.size for layer in image.layers]


@pytest.mark.daemon
def test_names_ids_and_digests(docker_client: DockerClient, base_image: str) -> None:
    told: list[int] = []
    by_name = open_image(base_image, Request(progress=told.append))
    identity = docker_client.images.get(base_image).id
    assert identity
    assert told == sorted(told)
    assert told[-1] > by_name.size
    assert facts(open_image(identity)) == facts(open_image(identity.removeprefix("sha256:")[:12])) == facts(by_name)


def facts(image: Image) -> object:
    return image.totals, [(layer.digest, layer.created_by, layer.cache) for layer in image.layers]


@pytest.mark.daemon
@pytest.mark.usefixtures("docker_client")
@pytest.mark.parametrize("name", ["slimconda-test/none:1", "No Name", "sha256:" + "0" * 64, ""])
def test_unknown_images(name: str) -> None:
    with pytest.raises(ImageError, match=r"neither a file here nor an image|invalid reference|not an image") as caught:
        open_image(name)
    assert "\n" not in str(caught.value)


@pytest.mark.daemon
def test_a_clean_in_a_later_layer(rattler_base: object, build: Build, docker_client: DockerClient) -> None:
    base, package = rattler_base.tag, rattler_base.packages[-1]  # type: ignore[attr-defined]
    one, two = "slimconda-test/layers-one:1", "slimconda-test/layers-two:1"
    build(f"FROM {base}\nRUN conda install -y {package}\nRUN conda clean -afy\n", two)
    build(f"FROM {base}\nRUN conda install -y {package} && conda clean -afy\n", one)
    later, same = open_image(two), open_image(one)
    residue = later.layers[-2].residue["conda-clean-in-later-layer"].bytes
    assert residue > 0
    assert residue == later.layers[-2].clean.force == later.totals.residue
    assert same.totals.residue == 0
    assert later.size - same.size == residue


@pytest.mark.parametrize("host", ["unix:///no/such.sock", "tcp://127.0.0.1:1", "nonsense://x", "x"])
def test_no_daemon(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", host)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the SDK forgets its socket when nobody answers
        with pytest.raises(
            DaemonError, match=f"^no-such-file-here: no such file, and no Docker daemon answers at {host}: "
        ) as caught:
            open_image("no-such-file-here")
        assert "\n" not in str(caught.value)
        del caught
        gc.collect()
