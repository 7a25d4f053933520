"""Environments and packages by conda's records, the comparison of two images, and budgets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from slimconda.budgets import Budget, exceeded, parse_size
from slimconda.errors import ConfigurationError
from slimconda.layers.comparison import compare_images
from slimconda.layers.image import Image, open_image, with_base
from slimconda.layers.request import Request
from slimconda.reporters import compare_json, compare_text
from tests.images import docker_old, layer_tar, members_tar
from tests.test_cli import slimconda

if TYPE_CHECKING:
    from pathlib import Path

ROOT = "opt/conda"


def record(name: str, version: str, *files: str) -> bytes:
    return json.dumps({"name": name, "version": version, "build": "h0_0", "files": files}).encode()


def environment(prefix: str, *packages: tuple[str, str, int]) -> list[tuple[str, bytes | str]]:
    """Return the members of a prefix with a file of so many bytes for each package."""
    members: list[tuple[str, bytes | str]] = [(f"{prefix}/conda-meta/history", b"")]
    for name, version, size in packages:
        files = (f"lib/{name}.so", "never/there")
        members.append((f"{prefix}/conda-meta/{name}-{version}-h0_0.json", record(name, version, *files)))
        members.append((f"{prefix}/lib/{name}.so", bytes(size)))
    return members


BEFORE = environment(ROOT, ("python", "3.11", 9000), ("numpy", "1.0", 5000))
ENVIRONMENT = environment(f"{ROOT}/envs/e", ("python", "3.11", 9000), ("scipy", "2.0", 7000))
CACHE: list[tuple[str, bytes | str]] = [
    (f"{ROOT}/pkgs/numpy-1.0-h0_0.conda", bytes(200_000)),
    (f"{ROOT}/pkgs/urls", b"x"),
    (f"{ROOT}/pkgs/urls.txt", b"x"),
]
LATER = environment(ROOT, ("numpy", "2.0", 6000))


def opened(path: Path, *tars: bytes) -> Image:
    path.write_bytes(docker_old(list(tars)))
    return open_image(str(path), Request(records=True))


def test_environments_and_packages(tmp_path: Path) -> None:
    """A shared file is hard-linked into the cache; a record that a later layer deletes is no package."""
    linked = layer_tar(
        [
            {"file": f"{ROOT}/envs/e/lib/shared.so", "size": 777},
            {"hardlink": f"{ROOT}/pkgs/x-1-0/lib/shared.so", "target": f"{ROOT}/envs/e/lib/shared.so"},
            {"whiteout": f"{ROOT}/conda-meta/numpy-1.0-h0_0.json"},
            {"whiteout": f"{ROOT}/lib/numpy.so"},
        ]
    )
    image = opened(tmp_path / "a.tar", members_tar(BEFORE + ENVIRONMENT + CACHE), linked)
    root, other = image.environments
    meta = sum(len(data) for name, data in BEFORE if "python" in name and name.endswith(".json"))
    assert (root.prefix, root.size, root.shared) == ("/opt/conda", 9000 + meta, 0)
    assert [(package.name, package.size) for package in root.packages] == [("python", 9000)]
    meta = sum(len(data) for name, data in ENVIRONMENT if name.endswith(".json"))
    assert (other.prefix, other.size, other.shared) == ("/opt/conda/envs/e", 16_000 + meta, 777)
    assert [(package.name, package.size) for package in other.packages] == [("python", 9000), ("scipy", 7000)]
    (double,) = image.duplicates
    assert (double.package, double.prefixes, double.size) == (
        "python-3.11-h0_0",
        ("/opt/conda", "/opt/conda/envs/e"),
        9000,
    )


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"{", b'{"name": 1}', b'{"name":"a","version":"1","build":"0","files":[1]}', b"[" * 10**6]
)
def test_records_that_are_none(data: bytes, tmp_path: Path) -> None:
    tar = members_tar([*BEFORE, (f"{ROOT}/conda-meta/bad.json", data)])
    (root,) = opened(tmp_path / "a.tar", tar).environments
    assert [package.name for package in root.packages] == ["python", "numpy"]


def test_records_are_read_from_streams_and_only_if_asked(tmp_path: Path) -> None:
    data = docker_old([members_tar(BEFORE)])
    (tmp_path / "a.tar").write_bytes(data)
    assert open_image(str(tmp_path / "a.tar")).environments == ()
    run = slimconda("inspect", "-", "--packages", "--format=json", cwd=tmp_path, stdin=data)
    content = json.loads(run.stdout)
    assert [package["name"] for package in content["environments"][0]["packages"]] == ["python", "numpy"]


def images(tmp_path: Path) -> tuple[Image, Image]:
    base = members_tar(BEFORE)
    return (
        opened(tmp_path / "before.tar", base, members_tar(CACHE)),
        opened(tmp_path / "after.tar", base, members_tar(ENVIRONMENT)),
    )


def test_what_went_and_what_came(tmp_path: Path) -> None:
    found = compare_images(*images(tmp_path))
    assert found.common == 1
    assert [layer.size for layer in found.gone] == [200_002]
    assert [layer.index for layer in found.new] == [1]
    assert [(c.name, c.before, c.after) for c in found.rules] == [("conda-cache-left", 200_002, None)]
    assert [c.name for c in found.environments] == ["/opt/conda/envs/e"]
    assert [(c.name, c.difference) for c in found.packages] == [
        ("/opt/conda/envs/e: python 3.11", 9000),
        ("/opt/conda/envs/e: scipy 2.0", 7000),
    ]
    assert found.growth == found.after.size - found.before.size == -200_002 + sum(len(data) for _, data in ENVIRONMENT)
    assert compare_images(found.after, found.after).packages == ()


def test_comparison_as_text_and_json(tmp_path: Path) -> None:
    images(tmp_path)
    run = slimconda("compare", "before.tar", "after.tar", cwd=tmp_path)
    text = run.stdout.decode()
    assert (run.returncode, run.stderr) == (0, b"")
    assert "residue 200.0 kB -> 0 B, -200,002 bytes" in text
    assert "   +9.0 kB  new                    /opt/conda/envs/e: python 3.11\n" in text
    assert max(map(len, text.splitlines())) <= 80
    content: dict[str, Any] = json.loads(
        slimconda("compare", "--format=json", "before.tar", "after.tar", cwd=tmp_path).stdout
    )
    assert content["growth"] == content["after"]["size"] - content["before"]["size"]
    assert content["rules"] == [{"name": "conda-cache-left", "before": 200_002, "after": None, "difference": -200_002}]
    run = slimconda("compare", "before.tar", "nowhere.tar", cwd=tmp_path, DOCKER_HOST="unix:///nowhere")
    assert (run.returncode, run.stdout) == (2, b"")


def test_names_in_a_comparison_are_safe(tmp_path: Path) -> None:
    evil = environment("x\x1b[2J", ("py\x07thon", "3\n4", 10))
    found = compare_images(opened(tmp_path / "a.tar", b"\0" * 1024), opened(tmp_path / "b.tar", members_tar(evil)))
    assert all(character.isprintable() or character == "\n" for character in compare_text.render(found))
    assert json.loads(compare_json.render(found))["packages"][0]["name"] == "/x\x1b[2J: py\x07thon 3\n4"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("1000", 1000),
        ("50MB", 50_000_000),
        ("1.5GiB", 1_610_612_736),
        ("2 kB", 2000),
        ("3K", 3000),
        ("7B", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1", "1e9", "5 XB", "1,5GB", "0x10", "50MBs"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is no size"):
        parse_size(text)


def test_a_size_beyond_all_numbers_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is too large a size"):
        parse_size("9" * 400)


def test_budgets(tmp_path: Path) -> None:
    image, _ = images(tmp_path)
    size, residue = image.size, 200_002
    assert list(exceeded(image, Budget())) == []
    assert list(exceeded(image, Budget(size, residue, 100.0, None, 0))) == []
    (over,) = exceeded(image, Budget(size=size - 1))
    assert (over.option, over.layer, over.rule, over.bytes) == ("--max-size", 1, None, 200_002)
    (over,) = exceeded(image, Budget(residue=residue - 1))
    assert (over.option, over.layer, over.rule, over.bytes) == ("--max-residue", 1, "conda-cache-left", 200_002)
    assert "layer 1, conda-cache-left, 200,002 B" in over.message
    (over,) = exceeded(image, Budget(residue_percent=50.0, floor=residue - 1))
    assert over.option == "--max-residue-percent"
    assert over.found == pytest.approx(100 * residue / size)
    assert list(exceeded(image, Budget(residue_percent=50.0, floor=residue))) == []
    assert list(exceeded(with_base(image, 2), Budget(residue=0))) == []


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--max-size", "1GB"], 0, b""),
        (["--max-size", "1kB"], 1, b"over budget: --max-size: "),
        (["--max-residue", "200kB"], 1, b"conda-cache-left, 200,002 B"),
        (["--max-residue", "1MB"], 0, b""),
        (["--max-residue-percent", "5"], 0, b""),
        (["--max-residue-percent", "5", "--residue-floor", "0"], 1, b"--max-residue-percent: "),
        (["--max-growth", "1kB", "--since", "after.tar"], 1, b"--max-growth: "),
        (["--max-growth", "1GB", "--since", "after.tar"], 0, b""),
        (["--max-growth", "1kB", "--since", "after.json"], 1, b"--max-growth: "),
        (["--max-growth", "1kB", "--since", "before.tar"], 0, b""),
    ],
)
def test_budgets_on_the_command_line(options: list[str], code: int, said: bytes, tmp_path: Path) -> None:
    images(tmp_path)
    saved = slimconda("inspect", "after.tar", "--format=json", cwd=tmp_path).stdout
    (tmp_path / "after.json").write_bytes(saved)
    run = slimconda("inspect", "before.tar", "--fail-on=error", *options, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (code, b"")
    assert (said in run.stdout) if said else (b"over budget" not in run.stdout)


@pytest.mark.parametrize(
    "options",
    [
        ["--max-size", "big"],
        ["--max-residue", "-1"],
        ["--max-residue-percent", "101"],
        ["--max-residue-percent", "nan"],
        ["--max-residue-percent", "x"],
        ["--max-growth", "1MB"],
        ["--since", "before.tar"],
        ["--max-growth", "1MB", "--since", "nowhere"],
        ["--max-growth", "1MB", "--since", "broken.json"],
        ["--max-growth", "1MB", "--since", "other.json"],
        ["--base", "after.tar"],
        ["--max-bytes", "1MB"],
    ],
)
def test_wrong_budgets_are_loud(options: list[str], tmp_path: Path) -> None:
    images(tmp_path)
    (tmp_path / "broken.json").write_text('{"version": 1, "layers": [')
    (tmp_path / "other.json").write_text('{"version": 2, "layers": [], "size": 1}')
    run = slimconda("inspect", "before.tar", *options, cwd=tmp_path, DOCKER_HOST="unix:///nowhere")
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr


def test_budgets_in_json(tmp_path: Path) -> None:
    images(tmp_path)
    run = slimconda("inspect", "before.tar", "--max-residue=0", "--format=json", cwd=tmp_path)
    (over,) = json.loads(run.stdout)["budgets"]
    assert (over["option"], over["layer"], over["rule"], over["bytes"]) == (
        "--max-residue",
        1,
        "conda-cache-left",
        200_002,
    )
