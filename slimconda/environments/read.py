"""Owns which reader reads which kind of environment file, and what a lock or an environment pins."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from slimconda.environments.environment import read_environment
from slimconda.environments.file import Beside, EnvironmentFile, Locked, Pins
from slimconda.environments.locks import read_conda_lock, read_explicit, read_pixi_lock
from slimconda.environments.pixi import read_pixi
from slimconda.environments.requirements import normalized, read_requirements
from slimconda.kinds import Kind

LINUX = "linux-64"


def read_kind(kind: Kind, data: bytes, beside: Beside | None = None) -> EnvironmentFile:
    """Return what a file of that kind says; it never raises, and opens no other file than `beside` gives."""
    match kind:
        case Kind.ENVIRONMENT:
            return replace(read_environment(data, beside), locked=_lies(beside, "conda-lock.yml"))
        case Kind.REQUIREMENTS:
            return read_requirements(data, beside)
        case Kind.PIXI:
            return replace(read_pixi(data), locked=_lies(beside, "pixi.lock"))
        case Kind.PIXI_LOCK:
            return read_pixi_lock(data)
        case Kind.CONDA_LOCK:
            return read_conda_lock(data)
        case Kind.EXPLICIT:
            return read_explicit(data)


def _lies(beside: Beside | None, name: str) -> bool:
    return beside is not None and beside(name) is not None


def pins_of(groups: Mapping[str, tuple[Locked, ...]]) -> Pins:
    """Return the versions in a lock for linux-64, or all where it has no such platform; what differs is left out."""
    linux = [group for group in groups if LINUX in group]
    packages = [package for group in linux or groups for package in groups[group]]
    conda = ((package.name, package.version) for package in packages if package.manager == "conda")
    pip = ((normalized(package.name), package.version) for package in packages if package.manager == "pip")
    return Pins(dict(_certain(conda)), dict(_certain(pip)))


def _certain(pairs: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    versions: dict[str, set[str]] = {}
    for name, version in pairs:
        versions.setdefault(name, set()).add(version)
    for name, found in versions.items():
        if len(found) == 1 and "" not in found:
            yield name, found.pop()
