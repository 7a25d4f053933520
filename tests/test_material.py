"""The material is real: links, archives, an index, a clean that removes them, packages that import."""

from __future__ import annotations

import io
import json
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.material import channel, images, store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from docker import DockerClient

    from tests.conftest import Build
    from tests.material.images import CondaBase

INSTALL = "conda install -y alpha beta"


class Layer:
    """The names of the last layer of an image, as the tar of Docker has them."""

    def __init__(self, client: DockerClient, tag: str) -> None:
        outer = io.BytesIO(b"".join(client.images.get(tag).save()))
        with tarfile.open(fileobj=outer) as image:
            (manifest,) = json.load(image.extractfile("manifest.json") or io.BytesIO())
            with tarfile.open(fileobj=image.extractfile(manifest["Layers"][-1])) as tar:
                self.members = {member.name: member for member in tar if not member.isdir()}

    def under(self, folder: str) -> dict[str, int]:
        return {
            name.removeprefix(folder): member.size for name, member in self.members.items() if name.startswith(folder)
        }

    def group(self, name: str) -> set[str]:
        first = self.members[name].linkname or name
        return {first, *(other for other, member in self.members.items() if member.linkname == first)}


@pytest.fixture(scope="module")
def layer(docker_client: DockerClient, build: Build, conda_base: CondaBase) -> Callable[[str], Layer]:
    @cache
    def build_one(command: str) -> Layer:
        tag = f"slimconda-test/material-{conda_base.name}:{store.digest(command)}"
        build(f"FROM {conda_base.tag}\nRUN {command}\n", tag)
        return Layer(docker_client, tag)

    return build_one


def listing(tag: str, *folders: str) -> set[str]:
    find = 'find "$@" -printf "%P\\n" 2>/dev/null; true'
    command = [images.docker(), "run", "--rm", "--network=none", tag, "sh", "-c", find, "sh", *folders]
    return set(store.run(command).split())


def archives(names: Iterable[str]) -> set[str]:
    return {name.partition("-")[0] for name in names if name.endswith((".conda", ".tar.bz2"))}


def packages(names: Iterable[str]) -> set[str]:
    return {name.partition("-")[0] for name in names if name.endswith("/info/index.json")}


def test_install_keeps_archives_links_and_index(layer: Callable[[str], Layer]) -> None:
    made = layer(INSTALL)
    cache = made.under("opt/conda/pkgs/")
    assert archives(cache) == packages(cache) == {"alpha", "beta"}
    assert {"urls", "urls.txt"} <= set(cache)
    assert any(name.startswith("cache/") and name.endswith(".json") for name in cache)
    for name, size in channel.SIZES.items():
        data = f"{channel.SITE}/{name}/data.bin"
        live = f"opt/conda/{data}"
        assert made.members[live].size == size
        assert made.group(live) == {live, f"opt/conda/pkgs/{name}-1.0-py311_0/{data}"}


def test_the_layer_holds_what_conda_wrote_and_no_more(layer: Callable[[str], Layer]) -> None:
    roots = ("opt/conda/pkgs/", "opt/conda/conda-meta/", f"opt/conda/{channel.SITE}/", "root/.conda/")
    names = layer(INSTALL).members
    assert [name for name in names if not name.startswith(roots)] == []
    assert [name for name in names if name.endswith((".pyc", ".lock", "CACHEDIR.TAG"))] == []


def test_clean_in_the_same_run(layer: Callable[[str], Layer]) -> None:
    made = layer(f"{INSTALL} && conda clean --all --yes")
    cache = made.under("opt/conda/pkgs/")
    assert archives(cache) == set()
    assert packages(cache) == {"alpha", "beta"}  # linked, so conda takes them for "in use"
    assert not any(name.startswith("cache/") for name in cache)
    assert len(made.group(f"opt/conda/{channel.SITE}/alpha/data.bin")) == 2


def test_clean_in_a_later_run_leaves_whiteouts(layer: Callable[[str], Layer]) -> None:
    made = layer(f"{INSTALL}\nRUN conda clean --all --yes")
    hidden = {name for name in made.under("opt/conda/pkgs/") if name.startswith(".wh.")}
    assert archives(name.removeprefix(".wh.") for name in hidden) == {"alpha", "beta"}
    assert ".wh.cache" in hidden


def test_nothing_was_left_below(conda_base: CondaBase) -> None:
    assert listing(conda_base.tag, "/opt/conda/pkgs", "/root/.conda") == set()


@pytest.mark.parametrize("command", ["alpha beta", "numpy requests -c conda-forge"])
def test_the_environment_imports_its_packages(build: Build, conda_base: CondaBase, command: str) -> None:
    modules = [word for word in command.split() if word.isalpha()]
    tag = f"slimconda-test/material-{conda_base.name}:{modules[0]}"
    build(f"FROM {conda_base.tag}\nRUN conda create -n e {command} && conda clean --all -y\n", tag)
    store.run(conda_base.proof(tag, *modules, prefix="/opt/conda/envs/e"))
    with pytest.raises(store.CommandError, match="No module named"):
        store.run(conda_base.proof(tag, *modules))


def test_an_environment_file(build: Build, rattler_base: CondaBase, tmp_path: Path) -> None:
    text = "name: e\nchannels:\n  - conda-forge\ndependencies:\n  - python=3.11\n  - beta  # and so alpha\n"
    (tmp_path / "environment.yml").write_text(text)
    (tmp_path / "requirements.txt").write_text("idna\n")
    lines = ["COPY . .", "RUN conda env create -f environment.yml", "RUN conda install --file requirements.txt -n e"]
    tag = "slimconda-test/material-env:1"
    build("\n".join([f"FROM {rattler_base.tag}", *lines, ""]), tag, tmp_path)
    store.run(rattler_base.proof(tag, "alpha", "beta", "idna", prefix="/opt/conda/envs/e"))


def test_a_failing_build_says_why(build: Build, conda_base: CondaBase) -> None:
    with pytest.raises(store.CommandError, match="nosuchpackage"):
        build(f"FROM {conda_base.tag}\nRUN conda install -y nosuchpackage\n", "slimconda-test/never:1")


CLEANS = {
    "conda clean -tipy": 0,
    "conda clean -afy": 0,
    "conda clean -all --ye": 0,
    "conda clean --all </dev/null": 0,
    "conda clean --all --dry-run": 0,
    "conda clean -tipsy": 2,
    "conda clean --unused-only": 2,
    "conda clean -y": 2,
    "conda -y clean -a": 2,
    "conda clean -af <&-": 1,
    "mamba clean -a": 0,
    "mamba -y clean -a": 0,
    "mamba clean -y": 0,
    "mamba clean -afy": 0,
    "mamba clean -tipsy": 109,
}


@pytest.mark.parametrize("tool", ["conda", "mamba"])
def test_the_exit_codes_of_clean_are_the_recorded_ones(build: Build, rattler_base: CondaBase, tool: str) -> None:
    checks = [
        f"({command}) >/dev/null 2>&1; test $? = {status} || {{ echo '{command}'; exit 1; }}"
        for command, status in CLEANS.items()
        if command.startswith(tool)
    ]
    run = " && ".join(f"{{ {tool} install -y alpha >/dev/null; {check}; }}" for check in checks)
    build(f"FROM {rattler_base.tag}\nRUN {run}\n", f"slimconda-test/material-cleans:{tool}")


def test_conda_does_not_see_the_cache_of_mamba(build: Build, rattler_base: CondaBase) -> None:
    left = {}
    for tool in ("conda", "mamba"):
        tag = f"slimconda-test/material-nested:{tool}"
        build(f"FROM {rattler_base.tag}\nRUN mamba create -y -n e alpha && {tool} clean --all -y\n", tag)
        left[tool] = listing(tag, "/opt/conda/pkgs/file/channel/linux-64")
    assert archives(left["conda"]) == {"alpha", "python"}
    assert archives(left["mamba"]) == set()


def test_the_channel_has_both_kinds_of_archive(conda_channel: Path) -> None:
    names = {path.name for path in (conda_channel / "linux-64").iterdir()}
    assert {"alpha-1.0-py311_0.conda", "beta-1.0-py311_0.tar.bz2", "repodata.json"} <= names
    assert archives(names) == {name.partition("-")[0] for name in channel.PACKAGES}


def test_a_half_made_piece_is_not_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLIMCONDA_TEST_CACHE", str(tmp_path))

    def fail(folder: Path) -> None:
        (folder / "half").touch()
        raise store.MissingError("interrupted")

    with pytest.raises(store.MissingError):
        store.piece("thing", "1", fail)
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []
    made = store.piece("thing", "1", lambda folder: (folder / "whole").touch())
    assert store.piece("thing", "1", fail) == made == tmp_path / "thing-1"
    assert [path.name for path in made.iterdir()] == ["whole"]


def test_a_piece_that_two_ask_for_is_made_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SLIMCONDA_TEST_CACHE", str(tmp_path))
    both = threading.Barrier(2)

    def make(folder: Path) -> None:
        time.sleep(0.5)  # the other asks meanwhile
        (folder / str(threading.get_ident())).touch()

    def ask(_: int) -> Path:
        both.wait()
        return store.piece("thing", "1", make)

    with ThreadPoolExecutor(2) as pool:
        found = set(pool.map(ask, range(2)))
    assert found == {tmp_path / "thing-1"}
    assert len(list((tmp_path / "thing-1").iterdir())) == 1
