"""Owns the facts about environments: net and shared size, the largest packages, files of no package, late changes."""

from collections import defaultdict
from dataclasses import dataclass, field

from slimconda.du.changes import Changed, changed_files
from slimconda.du.labels import IN_ENVIRONMENT, Kind, Label, Sort
from slimconda.du.ledger import NO_SHARE, Share
from slimconda.du.measure import Survey
from slimconda.du.records import name_of, version_of
from slimconda.du.wheels import NO_WHEELS, Wheels

LARGEST = 20
FOLDERS = ("bin", "lib", "include", "share", "conda-meta")


@dataclass(frozen=True)
class Package:
    """What an installed package takes in one environment; `missing` files are in its list, but not there."""

    name: str
    version: str
    kind: Kind
    share: Share
    missing: int = 0


@dataclass(frozen=True)
class EnvironmentFacts:
    """An environment; `share.own` is its net size: what is freed if it alone is deleted.

    `folders` are its bytes by first folder, without caches and environments inside; `sorts` its bytecode and static
    libraries; `soft_links` how many of its links point into a package cache, which a clean would break; `reflinked` are
    bytes of its larger files that the file system shares with other files: deleting them may free nothing;
    `wheels` is what its Python packages would take in a venv.
    """

    path: str
    share: Share
    packages: tuple[Package, ...]
    folders: dict[str, Share]
    unclaimed: Share
    sorts: dict[Sort, Share]
    changed: Changed
    soft_links: int = 0
    reflinked: int = 0
    wheels: Wheels = NO_WHEELS

    @property
    def largest(self) -> tuple[Package, ...]:
        """Return the packages that take most."""
        return self.packages[:LARGEST]


@dataclass(frozen=True)
class _Parts:
    whole: dict[str, Share]
    kinds: dict[tuple[str, Kind], Share]
    packages: dict[tuple[str, Kind, str], Share]
    folders: dict[tuple[str, str], Share]
    sorts: dict[tuple[str, Sort], Share]
    seen: dict[tuple[str, Kind, str], int] = field(default_factory=dict)


def read_environments(survey: Survey) -> tuple[EnvironmentFacts, ...]:
    """Return the facts about each environment, the root first."""
    parts = _parts(survey)
    return tuple(_facts(path, parts, survey) for path in survey.layout.environments)


def _parts(survey: Survey) -> _Parts:
    split = survey.ledger.split
    return _Parts(
        split(lambda label: label.home if label.kind in IN_ENVIRONMENT else None),
        split(lambda label: (label.home, label.kind) if label.kind in IN_ENVIRONMENT else None),
        split(package_of),
        split(lambda label: (label.home, label.area) if label.kind in IN_ENVIRONMENT else None),
        split(lambda label: (label.home, label.sort) if label.kind in IN_ENVIRONMENT else None),
        _seen(survey),
    )


def package_of(label: Label) -> tuple[str, Kind, str] | None:
    """Return the installed package that a label belongs to, with its environment."""
    return (label.home, label.kind, label.name) if label.kind in {Kind.PACKAGE, Kind.PIP_PACKAGE} else None


def _seen(survey: Survey) -> dict[tuple[str, Kind, str], int]:
    """Return how many names were seen of each package."""
    seen: defaultdict[tuple[str, Kind, str], int] = defaultdict(int)
    for row in survey.ledger.rows:
        for label in row.labels:
            if (package := package_of(label)) is not None:
                seen[package] += row.bytes.files
    return seen


def _facts(path: str, parts: _Parts, survey: Survey) -> EnvironmentFacts:
    listed = survey.listed.get(path, {})
    packages = [
        _package(
            kind, name, parts.packages.get((path, kind, name), NO_SHARE), count - parts.seen.get((path, kind, name), 0)
        )
        for (kind, name), count in listed.items()
    ]
    packages.sort(key=lambda package: (-package.share.bytes.allocated, package.name))
    return EnvironmentFacts(
        path,
        parts.whole.get(path, NO_SHARE),
        tuple(packages),
        {area: share for (home, area), share in sorted(parts.folders.items()) if home == path},
        parts.kinds.get((path, Kind.UNCLAIMED), NO_SHARE),
        {sort: parts.sorts.get((path, sort), NO_SHARE) for sort in (Sort.BYTECODE, Sort.STATIC)},
        changed_files(path, survey.suspects.get(path, ())),
        survey.soft_links.get(path, 0),
        survey.reflinks.get(path, 0),
        survey.wheels.get(path, NO_WHEELS),
    )


def _package(kind: Kind, stem: str, share: Share, missing: int) -> Package:
    if kind is Kind.PIP_PACKAGE:
        name, _, version = stem.partition(" ")
    else:
        name, version = name_of(stem), version_of(stem)
    return Package(name, version, kind, share, max(0, missing))
