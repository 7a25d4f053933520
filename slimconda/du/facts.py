"""Owns the whole picture of an installation, put together for reports. All sizes are bytes."""

import shlex
from collections import defaultdict
from dataclasses import dataclass

from slimconda.du.caches import Cache, read_caches
from slimconda.du.cleaning import Clean, predict, removed_environment, tool_version
from slimconda.du.duplicates import Library, Repeated, Versions, libraries, repeated, several_versions
from slimconda.du.environments import FOLDERS, EnvironmentFacts, read_environments
from slimconda.du.labels import IN_CACHE, IN_ENVIRONMENT, Kind, Label
from slimconda.du.ledger import NO_SHARE, Bytes, Share, total
from slimconda.du.measure import Survey
from slimconda.du.parts import Part, read_parts

OTHER = "everything else"


@dataclass(frozen=True)
class Removal:
    """What deleting an environment frees, alone and with `conda clean --all` after it."""

    environment: str
    command: str
    alone: Bytes
    with_clean: Bytes


@dataclass(frozen=True)
class Move:
    """What moving a package cache to another disk does: `here` is freed, `there` is taken.

    Links do not cross disks: `later` bytes more are taken once today's environments were made anew, each a copy.
    """

    cache: str
    here: Bytes
    there: Bytes
    later: int


@dataclass(frozen=True)
class ToolCache:
    """The cache of pip, uv, rattler or pixi."""

    tool: str
    path: str
    share: Share


@dataclass(frozen=True)
class Facts:
    """A whole installation; `total` counts each inode once, `folders` split the root prefix; both leave `tools` out.

    `outside` are bytes with a further hard link that lies in no part of the installation; `links` are soft links that
    lead to its parts. `parts` add up to the total. Of an installation in an `image` all sizes are those that Docker
    counts.
    """

    root: str
    total: Bytes
    folders: dict[str, Share]
    caches: tuple[Cache, ...]
    environments: tuple[EnvironmentFacts, ...]
    repeated: tuple[Repeated, ...]
    versions: tuple[Versions, ...]
    libraries: tuple[Library, ...]
    tools: tuple[ToolCache, ...]
    cleans: tuple[Clean, ...]
    removals: tuple[Removal, ...]
    moves: tuple[Move, ...]
    outside: Bytes
    mounts: tuple[str, ...]
    unreadable: tuple[str, ...]
    broken_settings: tuple[str, ...]
    links: dict[str, str]
    parts: tuple[Part, ...] = ()
    image: str | None = None


_OF_CONDA = IN_CACHE | IN_ENVIRONMENT


def read_facts(survey: Survey, *, image: str | None = None) -> Facts:
    """Return all facts about a measured installation; of one in an `image`, nothing about moving and deleting."""
    layout = survey.layout
    tools = survey.ledger.split(lambda label: _tool(label, layout.tools))
    return Facts(
        layout.root,
        survey.ledger.split(lambda label: label.kind in _OF_CONDA or None).get(True, NO_SHARE).bytes,
        _folders(survey),
        read_caches(survey),
        read_environments(survey),
        repeated(survey),
        several_versions(survey),
        libraries(survey),
        tuple(ToolCache(tool, path, tools.get(tool, NO_SHARE)) for tool, path in layout.tools.items()),
        predict(survey),
        tuple(_removal(survey, path) for path in layout.environments if path != layout.root and image is None),
        tuple(_move(survey, path) for path in layout.all_caches if image is None),
        total(row.bytes for row in survey.ledger.rows if not row.complete),
        survey.mounts,
        survey.unreadable,
        layout.settings.broken,
        layout.links,
        read_parts(survey),
        image,
    )


def _tool(label: Label, tools: dict[str, str]) -> str | None:
    return next((tool for tool, path in tools.items() if f"{label.home}/".startswith(f"{path}/")), None)


def _folders(survey: Survey) -> dict[str, Share]:
    """Return the root prefix by folder: its own ones, each package cache and each environment inside."""
    root = survey.layout.root
    found = survey.ledger.split(lambda label: _folder(label, root))
    order = [*FOLDERS, "pkgs", *sorted(name for name in found if name.startswith("envs/")), OTHER]
    return {name: found[name] for name in dict.fromkeys([*order, *found]) if name in found}


def _folder(label: Label, root: str) -> str | None:
    if label.home == root and label.kind in IN_ENVIRONMENT:
        return label.area if label.area in FOLDERS else OTHER
    if label.home.startswith(f"{root}/"):
        return label.home[len(root) + 1 :]
    return None


def _removal(survey: Survey, path: str) -> Removal:
    tool = "conda" if tool_version(survey, "conda") else "micromamba"
    return Removal(path, f"{tool} env remove --prefix {shlex.quote(path)} --yes", *removed_environment(survey, path))


def _move(survey: Survey, cache: str) -> Move:
    mine = survey.ledger.split(lambda label: label.home if label.kind in IN_CACHE else None).get(cache, NO_SHARE)
    later = 0
    for row in survey.ledger.rows:
        if any(label.home == cache and label.kind is Kind.EXTRACTED for label in row.labels):
            users = {label.home for label in row.labels if label.kind in IN_ENVIRONMENT}
            later += max(0, len(users) - 1) * row.bytes.allocated
    return Move(cache, mine.own, mine.bytes, later)


def by_tool(facts: Facts) -> dict[str, tuple[Clean, ...]]:
    """Return the cleans, tool by tool."""
    found: defaultdict[str, list[Clean]] = defaultdict(list)
    for clean in facts.cleans:
        found[clean.tool].append(clean)
    return {tool: tuple(cleans) for tool, cleans in found.items()}
