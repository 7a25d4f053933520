"""Owns files on disk: which are Dockerfiles, and how they are read.

Named files are taken as they are, folders as git lists them and as the conventions name Dockerfiles.
"""

import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from slimconda.errors import InputError
from slimconda.kinds import LARGEST, MANIFESTS, NAMED, Kind, is_environment_name, kind_of
from slimconda.references import named_dockerfiles, names_dockerfiles
from slimconda.walk import walk

# The names that Docker, Podman and pre-commit's `dockerfile` type know, and `Dockerfile-gpu`, `Dockerfile_gpu`.
NAME = re.compile(
    r"(?:Dockerfile|Containerfile)(?:[._-][^/]*)?|[^/]+\.(?:Dockerfile|dockerfile|Containerfile)|dockerfile"
)
NOT_DOCKERFILE = re.compile(r".*\.(?:dockerignore|py|pyc|md|rst|txt|sh|json|ya?ml|orig|bak|swp)|.*~", re.IGNORECASE)
CONDA = re.compile(rb"conda|mamba|pixi")
LARGEST_FILE = 8 << 20
LARGEST_BESIDE = 8 << 20  # a lock


def is_dockerfile_name(name: str) -> bool:
    """Tell whether a file of that name in a folder is taken for a Dockerfile."""
    return NAME.fullmatch(name) is not None and NOT_DOCKERFILE.fullmatch(name) is None


def find_dockerfiles(paths: Iterable[Path]) -> list[Path]:
    """Return the named files, and the Dockerfiles below the named folders, each once, with environment files there.

    Raises InputError for a path that does not exist, or a folder that holds none.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if path.is_dir():
            inside, environments = _parted(sorted(set(_in_folder(path))))
            if not inside:
                raise InputError(f"{path}: no Dockerfile in this folder")
            named = {other for dockerfile in inside for other in _named_in(dockerfile, path)}
            found |= dict.fromkeys([*inside, *sorted({*environments, *named})])
        elif path.exists():
            found[path] = None
        else:
            raise InputError(f"{path}: no such file or folder")
    return list(found)


def _parted(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Return the Dockerfiles, and the environment files beside them."""
    environments = [path for path in paths if is_environment_name(path.name)]
    return [path for path in paths if path not in environments], environments


def _named_in(dockerfile: Path, folder: Path) -> Iterator[Path]:
    """Yield the environment files below a folder that a Dockerfile with conda names, or pixi would find beside it."""
    try:
        text = dockerfile.read_bytes() if dockerfile.stat().st_size <= LARGEST_FILE else b""
    except OSError:
        return
    if not CONDA.search(text):
        return
    names = {os.fsdecode(name).lstrip("/") for name in NAMED.findall(text)}
    for name in [*names, *(MANIFESTS if b"pixi" in text else ())]:
        for start in (dockerfile.parent, folder):
            path = Path(os.path.normpath(start / name))
            if path.is_relative_to(os.path.normpath(folder)) and _describes_environment(path):
                yield path
                break


def _describes_environment(path: Path) -> bool:
    """Tell whether a file is of conda's or pixi's kinds; requirements count where an environment file uses them."""
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST:
            return False
        return kind_of(path.name, path.read_bytes()) not in {None, Kind.REQUIREMENTS}
    except OSError:
        return False


def _in_folder(folder: Path) -> Iterator[Path]:
    """Yield Dockerfiles and environment files by name, and what files about builds name, each perhaps twice."""
    names = _listed_by_git(folder)
    for name in walk(folder) if names is None else names:
        path = folder / name
        if (is_dockerfile_name(path.name) or is_environment_name(path.name)) and path.is_file():
            yield path
        elif names_dockerfiles(path.name) and path.is_file():
            yield from named_dockerfiles(path, folder)


def _listed_by_git(folder: Path) -> list[str] | None:
    """Return what git tracks or does not ignore below a folder; None outside of a repository, or without git.

    core.fsmonitor is switched off, since a repository could name a program there.
    """
    command = ["git", "-c", "core.fsmonitor=false", "ls-files", "-co", "--exclude-standard", "-z"]
    try:
        run = subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return None
    return [os.fsdecode(name) for name in run.stdout.split(b"\0") if name]


def repository_top(folder: Path) -> Path | None:
    """Return the folder of the git repository that holds a folder, None outside of one."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), None)


def read_dockerfile(path: Path) -> bytes:
    """Return a file's bytes; raises InputError where it cannot be read or is too large to be a Dockerfile."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: not a regular file")
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path}: larger than {LARGEST_FILE} bytes, so not a Dockerfile")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None


def read_beside(dockerfile: Path, name: str) -> bytes | None:
    """Return the bytes of a file of the build context: the Dockerfile's folder, else the current one.

    None for what is no regular file inside of it, cannot be read, or is larger than LARGEST_BESIDE bytes.
    """
    for folder in (dockerfile.parent, Path()):
        path = folder / name.lstrip("/")
        try:
            # Unlike Path.resolve, realpath takes links that lead in a circle for a file that is not there.
            inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder)) and path.is_file()
            if inside and path.stat().st_size <= LARGEST_BESIDE:
                return path.read_bytes()
        except (OSError, ValueError):
            continue
    return None
