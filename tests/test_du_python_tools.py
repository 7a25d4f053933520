"""What du says that pip's and uv's own cleans free, beside what the real pip and uv then free."""

import os
import sys
from pathlib import Path

import pytest

from slimconda.du.facts import Facts, read_facts
from slimconda.du.layout import find_layout
from slimconda.du.measure import survey
from slimconda.reporters import du_text
from tests.conftest import obtain
from tests.material import disk, store
from tests.material.disk import measured


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root/conda-meta").mkdir(parents=True)
    return tmp_path / "root"


def facts_of(root: Path, **variables: str) -> Facts:
    environment = {"HOME": str(root.parent), **variables}
    return read_facts(survey(find_layout(str(root), environment)))


def predicted(root: Path, command: str, **variables: str) -> tuple[int, int]:
    (clean,) = [clean for clean in facts_of(root, **variables).cleans if clean.command == command]
    return clean.bytes.allocated, clean.bytes.apparent


def pip(version: str) -> Path:
    return obtain(lambda: store.piece("pip", version, lambda folder: store.install_wheels(folder, f"pip=={version}")))


def fill_pip_cache(cache: Path) -> None:
    """Lay out what pip 22 to 26 leave: answers of servers, wheels that it built, and where those came from."""
    files = {
        "http-v2/1/2/3/123abc": 1000,
        "http-v2/1/2/3/123abc.body": 90_000,
        "http/a/b/abc": 5000,
        "wheels/aa/bb/cc/dd/built-1.0-py3-none-any.whl": 7000,
        "wheels/aa/bb/cc/dd/origin.json": 90,
        "selfcheck/0123": 60,
    }
    for name, size in files.items():
        (cache / name).parent.mkdir(parents=True, exist_ok=True)
        (cache / name).write_bytes(os.urandom(size))


@pytest.mark.parametrize("version", ["25.3", "26.0", "26.2"])
def test_pip_purges_what_was_predicted(root: Path, version: str) -> None:
    cache, library = root.parent / "cache", pip(version)
    fill_pip_cache(cache)
    (root / f"conda-meta/pip-{version}-0.json").write_text('{"files": []}')
    expected = predicted(root, "python -m pip cache purge", PIP_CACHE_DIR=str(cache))
    before = measured(cache)
    variables = {"PYTHONPATH": str(library), "PIP_CACHE_DIR": str(cache), "HOME": str(root.parent)}
    disk.run([sys.executable, "-m", "pip", "cache", "purge"], variables)
    after = measured(cache)
    assert (before[0] - after[0], before[1] - after[1]) == expected
    assert (cache / "wheels").exists() is (version == "25.3")
    assert (cache / "http-v2").exists() is (version != "26.2")


def fill_uv_cache(folder: Path) -> None:
    install = ["pip", "install", "--quiet", "--no-deps", "--link-mode=hardlink", "--target"]
    store.run(
        [store.tool("uv"), *install, folder / "target", "idna==3.10"], env={"UV_CACHE_DIR": str(folder / "cache")}
    )


def test_uv_cleans_what_was_predicted(root: Path, tmp_path: Path) -> None:
    filled = obtain(lambda: store.piece("uvcache", "1", fill_uv_cache))
    store.run([store.tool("cp"), "-a", f"{filled}/.", tmp_path / "uv"])
    (root / "lib/python3.11").mkdir(parents=True)
    (tmp_path / "uv/target").rename(root / "lib/python3.11/site-packages")
    cache = tmp_path / "uv/cache"
    facts = facts_of(root, UV_CACHE_DIR=str(cache))
    (tool,) = facts.tools
    assert tool.share.shared.apparent > 100_000  # linked into the environment
    (environment,) = facts.environments
    assert [(package.name, package.version) for package in environment.packages] == [("idna", "3.10")]
    expected = predicted(root, "uv cache clean", UV_CACHE_DIR=str(cache))
    before = measured(root, cache)
    disk.run([store.tool("uv"), "cache", "clean"], {"UV_CACHE_DIR": str(cache), "HOME": str(tmp_path)})
    after = measured(root, cache) if cache.exists() else measured(root)
    assert (before[0] - after[0], before[1] - after[1]) == expected


PURE, COMPILED = "idna==3.10", "MarkupSafe==3.0.2"


def install(target: Path, *packages: str) -> None:
    store.run([store.tool("uv"), "pip", "install", "--quiet", "--no-deps", "--target", target, *packages])


def test_pure_packages_take_the_same_in_a_venv(root: Path, tmp_path: Path) -> None:
    """What RECORD tells of an environment is what the real pip then puts into a venv, bytecode and its own notes aside."""
    site = root / "lib/python3.11/site-packages"
    obtain(lambda: install(site, PURE, COMPILED))
    (wheels,) = [environment.wheels for environment in facts_of(root).environments]
    assert (wheels.pure, wheels.compiled) == (1, 1)
    disk.run([sys.executable, "-m", "venv", tmp_path / "venv"], dict(os.environ))
    python = tmp_path / "venv/bin/python"
    before = set((tmp_path / "venv").rglob("*"))
    obtain(lambda: store.run([python, "-m", "pip", "install", "--quiet", "--no-deps", PURE]))
    new = [path for path in set((tmp_path / "venv").rglob("*")) - before if path.is_file()]
    ours = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    assert wheels.pure_bytes == sum(
        path.stat().st_size for path in new if path.suffix != ".pyc" and path.name not in ours
    )
    assert "pure Python: 1 package, " in du_text.render(facts_of(root))


def test_hostile_records_of_wheels_tell_nothing(root: Path) -> None:
    site = root / "lib/python3.11/site-packages"
    for name, record in (("a", b"x,sha,-5\ny,sha,1e9\nz,sha," + b"9" * 40), ("b", b'"open'), ("c", b"\xff\0,,7\n")):
        folder = site / f"{name}-1.dist-info"
        folder.mkdir(parents=True)
        (folder / "WHEEL").write_bytes(b"Root-Is-Purelib: true\n")
        (folder / "RECORD").write_bytes(record)
    (site / "d-1.dist-info/WHEEL").mkdir(parents=True)
    (wheels,) = [environment.wheels for environment in facts_of(root).environments]
    assert (wheels.pure_bytes, wheels.compiled) == (7, 0)
