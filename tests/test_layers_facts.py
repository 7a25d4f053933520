"""What else is known of layers: what globs claim, bystanders, compressed bytes of residue, layers of the base image."""

from __future__ import annotations

import gzip
import json
import os
import time
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slimconda.config import Config
from slimconda.errors import ImageError
from slimconda.findings import Report, Safety, Severity
from slimconda.image_checks import by_globs
from slimconda.image_linter import lint_image
from slimconda.layers import image as image_module
from slimconda.layers.base import count_base_layers
from slimconda.layers.globs import compile_globs
from slimconda.layers.image import analyse, open_image, with_base
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.reporters import inspect_json, inspect_text
from slimconda.rulebook import Rule, load_rules
from tests.images import digest, docker_new, docker_old, layer_tar, members_tar

if TYPE_CHECKING:
    from pathlib import Path

GLOBS = {"uv-cache-left": ("**/.cache/uv/**",), "pip-cache-left": ("**/.cache/pip/**", "/tmp/*.whl")}
CACHED: list[dict[str, Any]] = [
    {"file": "opt/app/lib/x", "size": 400_000},
    {"hardlink": "root/.cache/uv/archive-v0/x", "target": "opt/app/lib/x"},
    {"file": "root/.cache/uv/wheels-v5/y", "size": 300_000},
    {"file": "home/me/.cache/pip/http-v2/a/b", "size": 150_000},
    {"file": "tmp/z.whl", "size": 7},
    {"file": "tmp/deep/z.whl", "size": 9},
]


def glob_rule(name: str) -> Rule:
    return Rule(name, f"what {name} says", Severity.WARNING, Safety.NONE, GLOBS[name], "")


@pytest.fixture
def globs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the rules of these globs have cards."""
    cards = {name: glob_rule(name) for name in GLOBS}
    monkeypatch.setattr(image_module, "load_rules", lambda: {**load_rules(), **cards})


def written(path: Path, layers: list[bytes]) -> str:
    path.write_bytes(docker_old(layers))
    return str(path)


@pytest.mark.usefixtures("globs")
def test_globs_of_a_card_are_measured(tmp_path: Path) -> None:
    """A file that is hard-linked out of a cache is needed; one that a later layer deletes is still stored."""
    later = layer_tar([{"whiteout": "home/me/.cache/pip"}])
    image = open_image(written(tmp_path / "a.tar", [layer_tar(CACHED), later]))
    found = {rule: residue.bytes for rule, residue in image.layers[0].residue.items()}
    assert found == {"uv-cache-left": 300_000, "pip-cache-left": 150_007}
    assert image.totals.residue == 450_007
    assert image.layers[0].residue["pip-cache-left"].paths == ("/home/me/.cache/pip/http-v2/a/b", "/tmp/z.whl")


PART = st.sampled_from(["a", "ab", "b", ".c"])
GLOB_PART = st.sampled_from(["a", "a*", "?b", "*", "**", ".c"])


def matches(parts: list[str], glob: list[str]) -> bool:
    """Match a path as said: `**` is any number of folders, and as the last part anything below."""
    if not glob:
        return not parts
    if glob[0] == "**":
        return any(matches(parts[skip:], glob[1:] or parts[skip:]) for skip in range(len(parts) + 1))
    return bool(parts) and fnmatchcase(parts[0], glob[0]) and matches(parts[1:], glob[1:])


@given(st.lists(PART, min_size=1, max_size=5), st.lists(GLOB_PART, min_size=1, max_size=4))
def test_globs_match_as_said(parts: list[str], glob: list[str]) -> None:
    path, pattern = "/".join(parts), "/".join(glob)
    (inode,) = analyse("x", [(LayerSource("", "", ""), [Member(path, Kind.FILE, 1, "")])]).layers[0]._inodes
    below = glob[-1] == "**" and any(matches(parts[:end], glob[:-1]) for end in range(len(parts)))
    claimed = compile_globs({"r": [pattern]}).claim(inode)
    assert (claimed == "r") == (below if len(glob) > 1 and glob[-1] == "**" else matches(parts, glob))


def test_hostile_paths_and_globs_stay_fast() -> None:
    member = Member("/".join(["a"] * 700), Kind.FILE, 1, "")
    (inode,) = analyse("x", [(LayerSource("", "", ""), [member])]).layers[0]._inodes
    started = time.process_time()
    assert compile_globs({"r": ["**/a/**/b/**", "**/*a*/c"]}).claim(inode) is None
    assert time.process_time() - started < 20


def test_advice_is_no_residue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = Rule("advice", "what one may do without", Severity.INFO, Safety.NONE, ("**/*.bin",), "")
    cards = {**load_rules(), **{name: glob_rule(name) for name in GLOBS}, "advice": card}
    monkeypatch.setattr(image_module, "load_rules", lambda: cards)
    entries = [
        {"file": "opt/a.bin", "size": 500_000},
        {"file": "opt/gone.bin", "size": 100},
        {"file": "root/.cache/uv/x.bin", "size": 30},
    ]
    gone = layer_tar([{"whiteout": "opt/gone.bin"}])
    image = open_image(written(tmp_path / "a.tar", [layer_tar(entries), gone]))
    assert {rule: part.bytes for rule, part in image.layers[0].advice.items()} == {"advice": 500_000}
    assert {rule: part.bytes for rule, part in image.layers[0].residue.items()} == {"uv-cache-left": 30}
    assert image.totals.residue == image.totals.reclaimable == 30
    assert [problem.message for problem in by_globs.check_image(card, image)] == [
        "500.0 kB in this layer: what one may do without"
    ]


def test_small_leftovers_of_a_glob_are_no_finding() -> None:
    assert lint_image(analyse("x", [(LayerSource("", "", ""), [])]), Config()).findings == ()


def test_bystanders(tmp_path: Path) -> None:
    entries = [
        {"file": "opt/x/__pycache__/a.pyc", "size": 10},
        {"file": "opt/x/gone.pyc", "size": 5},
        {"file": "usr/lib/libx.a", "size": 20},
        {"file": "var/lib/apt/lists/deb.debian.org_dists", "size": 40},
        {"file": "etc/apk/cache/x.apk", "size": 80},
        {"file": "var/cache/dnf/solv", "size": 160},
    ]
    gone = layer_tar([{"whiteout": "opt/x/gone.pyc"}])
    first, second = open_image(written(tmp_path / "a.tar", [layer_tar(entries), gone])).layers
    assert first.bystanders == {
        "bytecode": 10,
        "static libraries": 20,
        "apt lists": 40,
        "apk lists": 80,
        "dnf lists": 160,
    }
    assert second.bystanders == {}


def test_older_versions_and_trash_in_the_cache(tmp_path: Path) -> None:
    pkgs = "opt/conda/pkgs"
    entries = [
        {"file": f"{pkgs}/urls", "size": 1},
        {"file": f"{pkgs}/urls.txt", "size": 1},
        {"file": f"{pkgs}/numpy-1.9.0-py311_0.conda", "size": 10},
        {"file": f"{pkgs}/numpy-1.9.0-py311_0/info/index.json", "size": 20},
        {"file": f"{pkgs}/numpy-1.10.0-py311_0.conda", "size": 40},
        {"file": f"{pkgs}/numpy-1.10.0-py311_1.conda", "size": 80},
        {"file": f"{pkgs}/zlib-1-0.conda", "size": 160},
        {"file": f"{pkgs}/.trash/zlib-0-0/lib/z", "size": 320},
        {"file": "opt/conda/lib/libz.so.1.c~", "size": 640},
        {"file": "opt/conda/conda-meta/history", "size": 1},
    ]
    image = open_image(written(tmp_path / "a.tar", [layer_tar(entries)]))
    cache = image.layers[0].cache
    assert (cache.older, cache.trash, cache.archives, cache.extracted) == (30, 320, 290, 340)
    assert image.layers[0].bystanders == {"trash": 640}
    text = inspect_text.render(image, lint_image(image, Config()))
    assert "of these bytes 30 B of packages with a newer version there, 320 B trash" in text
    assert json.loads(inspect_json.render(image, Report(())))["layers"][0]["cache"]["older"] == 30


def test_compressed_bytes_of_residue(tmp_path: Path) -> None:
    """An archive of packages does not compress, the zeros beside it do: nearly the whole blob is residue."""
    pkgs = "opt/conda/pkgs"
    tar = members_tar(
        [
            ("opt/conda/conda-meta/history", b"x"),
            ("opt/conda/lib/zeros", bytes(5_000_000)),
            (f"{pkgs}/numpy-1-0.conda", os.urandom(1_500_000)),
            (f"{pkgs}/urls", b"u"),
            (f"{pkgs}/urls.txt", b"u"),
        ]
    )
    (tmp_path / "a.tar").write_bytes(docker_new([tar], pack=lambda data: gzip.compress(data, mtime=0)))
    residue = open_image(str(tmp_path / "a.tar")).layers[0].residue["conda-cache-left"]
    assert residue.bytes == 1_500_002
    assert abs(residue.packed - 1_500_000) < 300_000


BASE = layer_tar([{"file": "opt/conda/pkgs/a-1-0.conda", "size": 900_000}, {"file": "opt/conda/pkgs/urls", "size": 1}])
OWN = layer_tar([{"file": "opt/conda/pkgs/b-1-0.conda", "size": 700_000}, {"file": "opt/conda/pkgs/urls", "size": 1}])


def test_layers_of_the_base(tmp_path: Path) -> None:
    target = written(tmp_path / "a.tar", [BASE, OWN])
    base = written(tmp_path / "base.tar", [BASE])
    image = open_image(target)
    digests = [layer.digest for layer in image.layers]
    assert count_base_layers(base, digests, None) == count_base_layers(f"sha256:{digest(BASE)}", digests, None) == 1
    assert count_base_layers(digest(OWN), digests, None) == 2
    marked = with_base(image, 1)
    assert [layer.base for layer in marked.layers] == [True, False]
    before, after = lint_image(image, Config()).findings, lint_image(marked, Config()).findings
    assert [finding.severity for finding in before] == [Severity.WARNING, Severity.WARNING]
    assert [finding.severity for finding in after] == [Severity.INFO, Severity.WARNING]
    assert after[0].message.endswith("only another base, or flattening, frees it")
    text = " ".join(inspect_text.render(marked, Report(())).split())
    assert "layer 0 is the base image's, 900.0 kB of the residue in it: no clean reaches it; take another" in text
    assert "base image" not in inspect_text.render(image, Report(()))


def test_another_base_is_refused(tmp_path: Path) -> None:
    digests = [layer.digest for layer in open_image(written(tmp_path / "a.tar", [BASE, OWN])).layers]
    other = written(tmp_path / "other.tar", [OWN])
    with pytest.raises(ImageError, match=r"other.tar: the image does not stand on this base"):
        count_base_layers(other, digests, None)
    (tmp_path / "broken.tar").write_bytes(b"x" * 999)
    with pytest.raises(ImageError, match=r"broken.tar: it is not a tar"):
        count_base_layers(str(tmp_path / "broken.tar"), digests, None)


def test_no_layer_of_a_base_is_read(tmp_path: Path) -> None:
    """The base's layers may be damaged: only its documents tell which they are."""
    digests = [layer.digest for layer in open_image(written(tmp_path / "a.tar", [BASE, OWN])).layers]
    data = docker_old([BASE]).replace(b"opt/conda/pkgs/a-1-0", b"opt/conda/pkgs/a-2-0")
    (tmp_path / "base.tar").write_bytes(data)
    with pytest.raises(ImageError):
        open_image(str(tmp_path / "base.tar"))
    assert count_base_layers(str(tmp_path / "base.tar"), digests, None) == 1
