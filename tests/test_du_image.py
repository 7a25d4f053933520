"""What du says of installations inside images: beside the same one on disk, and beside what real cleans left."""

import io
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from slimconda.cli import make_app
from slimconda.du.caches import Cache
from slimconda.du.facts import Facts, read_facts
from slimconda.du.image import survey_image
from slimconda.du.labels import Kind
from slimconda.errors import ImageError, InputError
from slimconda.layers import sources
from slimconda.layers.archive import read_archive
from slimconda.layers.image import Image
from tests.images import docker_new
from tests.test_du import facts_of, package, prefix, record, write
from tests.test_layers_listings import image_of


def facts_in(image: Image) -> Facts:
    files = tuple(file for layer in image.layers for file in layer.visible)
    return read_facts(survey_image(image.name, image.prefixes, image.caches, files), image=image.name)


def saved(facts: Facts, command: str) -> int:
    return {clean.command: clean.bytes.apparent for clean in facts.cleans}[command]


@pytest.mark.parametrize(
    ("before", "after", "command", "force"),
    [
        ("base-raw", "base-all", "conda clean --all --yes", "conda clean --force-pkgs-dirs --yes"),
        ("inst-none", "inst-all", "conda clean --all --yes", "conda clean --force-pkgs-dirs --yes"),
        ("copy", "copy-all", "conda clean --all --yes", "conda clean --force-pkgs-dirs --yes"),
        ("m-none", "m-a", "micromamba clean --all --yes", "micromamba clean --all --force-pkgs-dirs --yes"),
    ],
)
def test_recorded_cleans_of_conda_26_and_mamba_2_left_what_is_predicted(
    before: str, after: str, command: str, force: str
) -> None:
    first, second = facts_in(image_of(before)), facts_in(image_of(after))
    assert saved(first, force) - saved(first, command) == saved(second, force)
    assert saved(first, command) > 0


def test_a_recorded_install_has_its_parts() -> None:
    facts = facts_in(image_of("inst-none"))
    (cache,) = facts.caches
    assert cache.path == "/opt/conda/pkgs"
    regular = cache.share.own.apparent
    assert 20_546_124 <= regular < 20_560_000  # and symlinks
    (environment,) = [found for found in facts.environments if found.share.bytes.apparent > 1000]
    names = {found.name for found in environment.packages if found.share.bytes.apparent > 1_000_000}
    assert {"numpy", "pandas", "python"} <= names | {"python"}
    assert not facts.removals
    assert not facts.moves


def archive(root: Path, path: Path) -> Path:
    """Save a folder as the only layer of an image, at /opt/conda."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(root, "opt/conda")
    path.write_bytes(docker_new([buffer.getvalue()]))
    return path


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIMCONDA_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = prefix(tmp_path / "root")
    package(made / "pkgs", "a-1-0", 5000, made, prefix(made / "envs/e"))
    package(made / "pkgs", "b-1-0", 7000, prefix(made / "envs/f"), copy=True)
    package(made / "pkgs/https/host/linux-64", "c-1-0", 9000, made)
    write(made / "pkgs/a-1-0.conda", b"1" * 600)
    write(made / "pkgs/b-1-0.tar.bz2.part", b"1" * 60)
    write(made / "pkgs/cache/01234567.json", b"{}")
    write(made / "lib/x.pyc", b"1" * 11)
    record(made, "conda-26.7.2-0", [])
    return made


def parts(cache: Cache) -> dict[Kind, int]:
    return {kind: share.own.apparent for kind, share in cache.parts.items() if share.own.apparent}


def test_an_image_and_a_disk_are_measured_alike(root: Path, tmp_path: Path) -> None:
    from slimconda.layers.image import open_image

    (tmp_path / "home").mkdir()
    disk = facts_of(root, tmp_path / "home")
    image = facts_in(open_image(str(archive(root, tmp_path / "image.tar"))))
    assert image.total.apparent == disk.total.apparent
    for ours, theirs in zip(image.caches, disk.caches, strict=True):
        assert parts(ours) == parts(theirs)
        sizes = {(found.path, found.linked, found.share.bytes.apparent) for found in ours.extracted}
        assert sizes == {(found.path, found.linked, found.share.bytes.apparent) for found in theirs.extracted}
    assert [clean.bytes.apparent for clean in image.cleans] == [clean.bytes.apparent for clean in disk.cleans]
    for there, here in zip(image.environments, disk.environments, strict=True):
        assert (there.share.own.apparent, there.share.bytes.apparent) == (
            here.share.own.apparent,
            here.share.bytes.apparent,
        )
    assert image.caches[0].parts[Kind.ARCHIVE].own.apparent == 600


def test_the_command_looks_into_an_image(root: Path, tmp_path: Path) -> None:
    path = archive(root, tmp_path / "image.tar")
    shown = CliRunner().invoke(make_app(), ["du", "--image", str(path)])
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    assert "/opt/conda" in shown.stdout
    assert "conda env remove" not in shown.stdout
    content = json.loads(CliRunner().invoke(make_app(), ["du", "--image", str(path), "--json"]).stdout)
    assert content["image"] == str(path)
    with pytest.raises(InputError, match="not both"):
        CliRunner().invoke(make_app(), ["du", str(root), "--image", str(path)], catch_exceptions=False)


def test_layers_are_kept_for_du_as_for_inspect(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slimconda.layers.kept.SETTLED_AFTER", 0)
    path = str(archive(root, tmp_path / "image.tar"))
    told: list[int] = []
    kept = tmp_path / "kept"
    monkeypatch.setattr(
        sources, "read_archive", lambda target, request: read_archive(target, replace(request, progress=told.append))
    )

    def shown(*words: str) -> str:
        told.clear()
        result = CliRunner().invoke(make_app(), [*words, f"--cache={kept}"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.stdout

    expected = CliRunner().invoke(make_app(), ["du", "--image", path, "--json", "--no-cache"]).stdout
    assert not kept.exists()
    assert json.loads(expected)["image"] == path
    assert shown("du", "--image", path, "--json") == expected
    assert any(told)
    assert shown("du", "--image", path, "--json") == expected
    assert not any(told)
    assert shown("inspect", path)
    assert not any(told)


def test_an_image_without_conda_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "root/etc").mkdir(parents=True)
    path = archive(tmp_path / "root", tmp_path / "image.tar")
    with pytest.raises(ImageError, match="no conda environment in it"):
        CliRunner().invoke(make_app(), ["du", "--image", str(path)], catch_exceptions=False)
