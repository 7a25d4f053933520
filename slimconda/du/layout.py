"""Owns where the parts of a conda installation are: root, environments, package caches, other tools' caches.

Sources: conda's documentation of pkgs_dirs, envs_dirs and the search path of .condarc; conda 4.3 and 26.7.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from slimconda.du.condarc import Settings, read_settings
from slimconda.du.records import SOURCE_RECORDS, read_records
from slimconda.errors import InputError

Environment = Mapping[str, str]


@dataclass(frozen=True)
class Layout:
    """The folders to measure, all resolved; `caches` in conda's order, `unused` caches are not in conda's settings.

    `writable` are the caches that the user may write to: a clean passes over all others.
    `tools` are the caches of other tools by their names; `links` are links by which a home was reached.
    """

    root: str
    environments: tuple[str, ...]
    caches: tuple[str, ...]
    unused: tuple[str, ...] = ()
    writable: frozenset[str] = frozenset()
    tools: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    settings: Settings = field(default_factory=Settings)

    @property
    def all_caches(self) -> tuple[str, ...]:
        """Return the package caches, also those that conda's settings leave out."""
        return (*self.caches, *self.unused)


def find_prefix(given: str | None, environment: Environment, folder: str) -> str:
    """Return the installation or environment that is meant: given, active, or the folder itself.

    Raises InputError where there is none.
    """
    if given is not None:
        if not os.path.isdir(given):
            raise InputError(f"{given}: no such folder")
        if not is_prefix(given):
            raise InputError(f"{given}: no conda-meta folder in it, so neither an environment nor a conda installation")
        return os.path.realpath(given)
    for candidate in (environment.get("CONDA_PREFIX"), folder, environment.get("MAMBA_ROOT_PREFIX")):
        if candidate and is_prefix(candidate):
            return os.path.realpath(candidate)
    raise InputError("no conda environment is active; give the path of an installation or environment")


def is_prefix(path: str) -> bool:
    """Tell whether a folder is an environment, or a root with environments and packages: micromamba's has no more."""
    return os.path.isdir(f"{path}/conda-meta") or all(os.path.isdir(f"{path}/{name}") for name in ("envs", "pkgs"))


def find_root(prefix: str) -> str:
    """Return the root prefix that an environment in its envs/ belongs to; else the environment itself."""
    parent, name = os.path.split(os.path.dirname(prefix))
    return parent if name == "envs" and is_prefix(parent) else prefix


def find_layout(prefix: str, environment: Environment) -> Layout:
    """Return the parts of the installation to which a prefix belongs; what does not exist is left out."""
    root = find_root(prefix)
    settings = read_settings(root, environment)
    home = environment.get("HOME") or os.path.expanduser("~")
    links: dict[str, str] = {}
    used = settings.pkgs_dirs or (f"{root}/pkgs", f"{home}/.conda/pkgs")
    caches = _existing(used, links)
    unused = tuple(path for path in _existing((f"{root}/pkgs", f"{home}/.conda/pkgs"), links) if path not in caches)
    known = (*caches, *unused)
    environments = dict.fromkeys(_existing([root, *_in_folders([f"{root}/envs", *settings.envs_dirs]), prefix], links))
    listed = _existing(_listed(f"{home}/.conda/environments.txt"), links)
    environments |= dict.fromkeys(path for path in listed if path not in environments and _made_from(path, known))
    found = tuple(path for path in environments if is_prefix(path) and path not in known)
    writable = frozenset(path for path in caches if os.access(path, os.W_OK))
    return Layout(root, found, caches, unused, writable, _tool_caches(environment, home, links), links, settings)


def _existing(paths: Iterator[str] | list[str] | tuple[str, ...], links: dict[str, str]) -> tuple[str, ...]:
    """Return the folders among paths, resolved, each once; notes which were links."""
    found: dict[str, None] = {}
    for path in paths:
        real = os.path.realpath(path)
        if os.path.isdir(real):
            found[real] = None
            if os.path.islink(path):
                links[os.path.abspath(path)] = real
    return tuple(found)


def _in_folders(folders: list[str]) -> Iterator[str]:
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        yield from (f"{folder}/{name}" for name in names if is_prefix(f"{folder}/{name}"))


def _listed(path: str) -> list[str]:
    """Return the environments that conda noted; those of all installations of the user stand there."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            lines = file.read(1 << 20).splitlines()
    except OSError:
        return []
    return [line for line in lines if os.path.isabs(line)]


def _made_from(prefix: str, caches: tuple[str, ...]) -> bool:
    """Tell whether an environment's packages come from these caches, by what its first records say."""
    for _, record in zip(range(SOURCE_RECORDS), read_records(prefix), strict=False):
        if record.source and os.path.dirname(os.path.realpath(record.source)) in caches:
            return True
    return False


def _tool_caches(environment: Environment, home: str, links: dict[str, str]) -> dict[str, str]:
    """Return the existing caches of the tools that fill environments, by the tools' names."""
    base = environment.get("XDG_CACHE_HOME") or f"{home}/.cache"
    places = {
        "pip": environment.get("PIP_CACHE_DIR") or f"{base}/pip",
        "uv": environment.get("UV_CACHE_DIR") or f"{base}/uv",
        "rattler": environment.get("RATTLER_CACHE_DIR") or f"{base}/rattler/cache",
        "pixi": environment.get("PIXI_CACHE_DIR") or f"{base}/pixi",
        "conda": f"{base}/conda",
    }
    found = {tool: _existing([path], links) for tool, path in places.items()}
    return {tool: paths[0] for tool, paths in found.items() if paths}
