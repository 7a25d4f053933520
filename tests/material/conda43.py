"""Owns the real conda: 4.3.16, the newest that PyPI has, on a CPython 3.7 found on this machine."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from . import store

CONDA = "conda==4.3.16"  # yanked on PyPI, because `pip install conda` confuses people; pinned, it still comes
NEEDED = (
    "requests==2.27.1",
    "urllib3==1.26.18",
    "idna==3.4",
    "charset-normalizer==2.0.12",
    "certifi==2023.7.22",
    "ruamel.yaml==0.17.21",
    "pycosat==0.6.3",
    "toolz==0.12.0",
    "cytoolz==0.11.2",
    "setuptools<66",
    "wheel",
)
# The installed `conda` script refuses to run outside a conda environment; its main function does not.
MAIN = """\
import sys
sys.argv[0] = "conda"
from conda.cli.main import main
sys.exit(main())
"""
UNUSED = (
    "test",
    "idlelib",
    "lib2to3",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "pydoc_data",
    "site-packages",
    "config-3.7m-x86_64-linux-gnu",
    "__pycache__",
)


@cache
def python37() -> Path:
    """Find a CPython 3.7 and return its prefix."""
    pyenv = sorted((Path.home() / ".pyenv" / "versions").glob("3.7.*/bin/python3.7"))
    for candidate in [*pyenv, shutil.which("python3.7"), shutil.which("python3.7m")]:
        if candidate is None:
            continue
        script = "import sys; assert sys.version_info[:2] == (3, 7); print(sys.base_prefix)"
        found = subprocess.run([candidate, "-c", script], capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return Path(found.stdout.strip())
    raise store.MissingError("conda 4.3.16 needs a CPython 3.7 and this machine has none")


def tree() -> Path:
    """Return a folder to add to an image at /: the Python at its own place, and conda in /opt/tool."""
    key = store.digest(Path(__file__), Path(store.__file__), str(python37()))
    return store.piece("conda43", key, make)


def make(folder: Path) -> None:
    """Install conda with a venv's pip and copy what runs."""
    prefix = python37()
    inside = folder / prefix.relative_to("/")
    for part in ("bin/python3.7", *(f"lib/{path.name}" for path in prefix.glob("lib/libpython3*.so.*"))):
        (inside / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(prefix / part, inside / part)
    shutil.copytree(
        prefix / "lib/python3.7",
        inside / "lib/python3.7",
        ignore=shutil.ignore_patterns(*UNUSED),
        symlinks=True,
    )
    with tempfile.TemporaryDirectory() as work:
        store.run([prefix / "bin/python3.7", "-m", "venv", work])
        pip = [f"{work}/bin/python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        store.run([*pip, *NEEDED])
        store.run([*pip, CONDA])
        site = Path(work, "lib/python3.7/site-packages")
        unneeded = shutil.ignore_patterns("pip", "pip-*", "wheel", "wheel-*", "__pycache__", "pkg_resources")
        shutil.copytree(site, folder / "opt/tool", ignore=unneeded)
    (folder / "opt/tool/__main__.py").write_text(MAIN)
    python = prefix / "bin/python3.7"
    wrapper = folder / "opt/conda/bin/conda"
    wrapper.parent.mkdir(parents=True)
    wrapper.write_text(f'#!/bin/sh\nexec {python} -IB -W ignore /opt/tool "$@"\n')
    wrapper.chmod(0o755)
    history = folder / "opt/conda/conda-meta/history"  # by this file conda knows a prefix
    history.parent.mkdir()
    history.touch()
