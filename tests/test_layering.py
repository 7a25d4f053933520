"""What the layering rules say is stored twice is stored twice: real builds, whose layers are counted."""

from __future__ import annotations

import pytest

from slimconda.config import Config
from slimconda.layers.image import Image, Layer, open_image
from slimconda.layers.tar import Kind
from slimconda.linter import lint
from slimconda.source import Source
from tests.conftest import Build
from tests.material.images import CondaBase

pytestmark = pytest.mark.daemon

CREATE = "conda create --yes --name e alpha beta && conda clean --all --yes"
ENVIRONMENT = "/opt/conda/envs/e"
DATA = f"{ENVIRONMENT}/lib/python3.11/site-packages/alpha/data.bin"
LAYERING = frozenset({"conda-prefix-rewritten", "conda-environments-split", "conda-removed-in-later-layer"})
ALPHA, BETA = 2_000_000, 1_000_000


def built(base: CondaBase, build: Build, *runs: str) -> Image:
    tag = f"slimconda-test/layering-{base.name}:1"
    build(dockerfile(base, *runs), tag)
    return open_image(tag)


def dockerfile(base: CondaBase, *runs: str) -> str:
    return "".join([f"FROM {base.tag}\n", *(f"RUN {run}\n" for run in runs)])


def rules(base: CondaBase, *runs: str) -> list[str]:
    """Return the layering rules that lint finds, where the base image is one that it knows."""
    text = dockerfile(base, *runs).replace(base.tag, "continuumio/miniconda3")
    report = lint(Source("Dockerfile", text.encode()), Config(select=LAYERING))
    return [finding.rule for finding in report.findings]


def stored(layer: Layer, folder: str, *, live: bool | None = None) -> int:
    """Return the bytes of regular files that a layer stores in a folder."""
    return sum(
        file.size
        for file in layer.files
        if file.kind is Kind.FILE and any(path.startswith(folder) for path in file.paths) and live in {None, file.live}
    )


SWEEPS = [f"{sweep} {ENVIRONMENT}" for sweep in ("chmod -R g+w", "chown -R 1000", "chown -R 1000", "chgrp -R 100")]
FOLDERS = f"find {ENVIRONMENT} -type d -exec chmod g+ws {{}} +"


def test_a_rewritten_prefix_is_stored_again(rattler_base: CondaBase, build: Build) -> None:
    """Each time, also where nothing changes; folders alone store nothing."""
    *_, created, first, second, third, fourth, folders = built(rattler_base, build, CREATE, *SWEEPS, FOLDERS).layers
    below = stored(created, ENVIRONMENT)
    for command, layer in zip(SWEEPS, (first, second, third, fourth), strict=True):
        again = stored(layer, ENVIRONMENT)
        print(f"{command}: {below} bytes below, {again} again, ratio {again / below:.2f}")
        assert again == below > ALPHA + BETA
    assert stored(folders, "/") == 0
    found = rules(rattler_base, CREATE, *SWEEPS, FOLDERS)
    assert found == ["conda-prefix-rewritten"] * len(SWEEPS)


def test_in_the_run_that_creates_it_is_stored_once(rattler_base: CondaBase, build: Build) -> None:
    runs = (f"{CREATE} && {SWEEPS[0]} && {SWEEPS[1]}",)
    *_, created = built(rattler_base, build, *runs).layers
    assert ALPHA + BETA < created.size < 1.1 * stored(created, ENVIRONMENT)
    assert rules(rattler_base, *runs) == []


def test_a_rewritten_root_loses_its_links(conda_base: CondaBase, build: Build) -> None:
    runs = ("conda install --yes alpha beta", "chmod -R g+w /opt/conda")
    *_, installed, swept = built(conda_base, build, *runs).layers
    below, again = stored(installed, "/opt/conda"), stored(swept, "/opt/conda")
    print(f"{conda_base.name}: install {below} bytes, chmod -R {again}, ratio {again / below:.2f}")
    assert stored(installed, "/opt/conda", live=True) == 0
    assert again > below + ALPHA + BETA
    assert "conda-prefix-rewritten" in rules(conda_base, *runs)


def test_a_removed_environment_stays_stored(rattler_base: CondaBase, build: Build) -> None:
    runs = (CREATE, f"rm -rf {ENVIRONMENT} /opt/conda/pkgs")
    *_, created, removed = built(rattler_base, build, *runs).layers
    print(f"environment {created.size} bytes, {created.dead} of them hidden by a layer of {removed.size}")
    assert removed.size == 0
    assert created.dead > 0.9 * created.size > ALPHA + BETA
    assert "conda-removed-in-later-layer" in rules(rattler_base, *runs)


def test_a_removed_package_stays_stored(conda43_base: CondaBase, build: Build) -> None:
    runs = (
        "conda install --yes alpha && conda clean --all --yes",
        "conda remove --yes alpha && rm -rf /opt/conda/pkgs",
    )
    *_, installed, removed = built(conda43_base, build, *runs).layers
    print(f"install {installed.size} bytes, {installed.dead} hidden by conda remove, which adds {removed.size}")
    assert installed.size >= ALPHA
    assert installed.dead >= ALPHA
    assert "conda-removed-in-later-layer" in rules(conda43_base, *runs)


def test_a_replaced_file_stays_stored(rattler_base: CondaBase, build: Build) -> None:
    """An update unlinks the old file and writes the new one; the channel has one version of each package."""
    replace = f"rm -rf /opt/conda/pkgs {DATA} && head -c {ALPHA} /dev/urandom > {DATA}"
    *_, created, replaced = built(rattler_base, build, CREATE, replace).layers
    print(f"{DATA}: {stored(created, DATA)} bytes below, hidden; {stored(replaced, DATA)} above")
    assert stored(created, DATA, live=False) == stored(replaced, DATA, live=True) == ALPHA


def test_environments_of_two_runs_share_nothing(rattler_base: CondaBase, build: Build) -> None:
    other = CREATE.replace("--name e", "--name f")
    *_, first, second = built(rattler_base, build, CREATE, other).layers
    *_, together = built(rattler_base, build, CREATE.replace("&&", f"&& {other.partition(' && ')[0]} &&")).layers
    print(f"two RUNs {first.size} + {second.size} bytes, one RUN {together.size}")
    assert second.size > 0.9 * first.size
    assert together.size < 1.1 * first.size
    assert "conda-environments-split" in rules(rattler_base, CREATE, other)


def test_a_tilde_in_a_mount_is_no_home(rattler_base: CondaBase, build: Build) -> None:
    mount = "--mount=type=cache,target=~/x"
    built(rattler_base, build, f"{mount} test -d '/~/x' && test ! -e /root/x")
