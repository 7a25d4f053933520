"""What a package costs that conda and pip both install: a real environment, and the real pip over it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.conftest import obtain
from tests.material import store
from tests.material.disk import measured


@pytest.fixture
def prefix(conda_channel: Path, tmp_path: Path) -> Path:
    """Return an environment with python and numpy, linked out of the cache beside it."""
    from rattler import Channel, install, solve

    async def make() -> None:
        channel = Channel(conda_channel.as_uri())
        records = await solve(sources=[channel], specs=["python", "numpy"], platforms=["linux-64", "noarch"])
        await install(records, target_prefix=tmp_path / "env", cache_dir=tmp_path / "pkgs")

    asyncio.run(make())
    # The channel's Python is Debian's, which would install beside site-packages unless it is told from its base.
    (tmp_path / "base").symlink_to(tmp_path / "env")
    (tmp_path / "env/pyvenv.cfg").write_text(f"home = {tmp_path}/base/bin\ninclude-system-site-packages = false\n")
    return tmp_path / "env"


def pip_install(prefix: Path, *words: str) -> None:
    pip = shutil.which("pip3", path="/usr/bin:/usr/local/bin")
    if pip is None:
        pytest.skip("no pip3")
    python = prefix / "bin/python3.11"
    options = ("--no-deps", "--no-cache-dir", "--no-compile", "--break-system-packages", "--disable-pip-version-check")
    # What running pip leaves as bytecode in the environment is not what installing costs.
    store.run([pip, "--python", python, "install", *options, *words], env={"PYTHONDONTWRITEBYTECODE": "1"})


def stored(prefix: Path) -> int:
    return measured(prefix, prefix.parent / "pkgs")[1]


def test_another_version_by_pip_stores_the_package_twice(prefix: Path) -> None:
    before = stored(prefix)
    pip_install(prefix, "numpy==2.2.5")
    print(f"{before:,} bytes before, {stored(prefix):,} after")
    assert stored(prefix) - before > 50_000_000
    assert len(list(prefix.glob("conda-meta/numpy-2.2.6-*.json"))) == 1
    assert [path.name for path in prefix.glob("lib/python3.11/site-packages/numpy-*")] == ["numpy-2.2.5.dist-info"]


def test_a_bare_name_given_to_pip_changes_no_byte(prefix: Path) -> None:
    before = stored(prefix)
    pip_install(prefix, "numpy")
    assert stored(prefix) == before


def test_wheels_bring_bundled_libraries_each_of_its_own(tmp_path: Path) -> None:
    obtain(lambda: store.install_wheels(tmp_path, "numpy==2.2.6", "scipy==1.15.3"))
    found = {
        name: sum(path.stat().st_size for path in (tmp_path / f"{name}.libs").iterdir()) for name in ("numpy", "scipy")
    }
    print(", ".join(f"{name}: {size:,} bytes of bundled libraries" for name, size in found.items()))
    assert min(found.values()) > 20_000_000
    assert all(list((tmp_path / f"{name}.libs").glob("libscipy_openblas*")) for name in found)
