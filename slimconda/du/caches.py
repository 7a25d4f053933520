"""Owns the facts about package caches: archives, extracted packages in use or not, older versions, index, the rest."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from slimconda.du.labels import IN_CACHE, IN_ENVIRONMENT, Kind, Label, Sort, stem_of
from slimconda.du.ledger import NO_SHARE, Ledger, Share, total
from slimconda.du.measure import Survey
from slimconda.versions import older


@dataclass(frozen=True)
class Extracted:
    """An extracted package: `path` in its cache, and the environments that share an inode with it.

    `linked` tells whether any file in it has a second name anywhere: then no tool of conda takes it for unused.
    """

    path: str
    share: Share
    environments: tuple[str, ...]
    linked: bool
    nested: bool = False

    @property
    def stem(self) -> str:
        """Return NAME-VERSION-BUILD."""
        return self.path.rpartition("/")[2]


@dataclass(frozen=True)
class Cache:
    """What a package cache holds. `parts` are its bytes by kind, and the extracted packages one by one.

    `older` are stems of which the cache has a newer version; `older_share` the bytes that they take, with archives.
    """

    path: str
    share: Share
    parts: dict[Kind, Share]
    extracted: tuple[Extracted, ...]
    older: tuple[str, ...]
    older_share: Share
    configured: bool

    @property
    def in_use(self) -> Share:
        """Return the extracted packages that environments are linked with."""
        return _sum(package.share for package in self.extracted if package.environments)

    @property
    def unused(self) -> Share:
        """Return the extracted packages that no environment is linked with."""
        return _sum(package.share for package in self.extracted if not package.environments)


def _sum(shares: Iterable[Share]) -> Share:
    found = list(shares)
    return Share(total(share.bytes for share in found), total(share.own for share in found))


def read_caches(survey: Survey) -> tuple[Cache, ...]:
    """Return the facts about each package cache, in conda's order."""
    whole = survey.ledger.split(lambda label: label.home if label.kind in IN_CACHE else None)
    kinds = survey.ledger.split(lambda label: (label.home, label.kind) if label.kind in IN_CACHE else None)
    packages = extracted_packages(survey.ledger)
    outdated = {cache: older(package.stem for package in packages.get(cache, ())) for cache in survey.layout.all_caches}
    old = survey.ledger.split(
        lambda label: label.home if _is_of(label, outdated.get(label.home, frozenset())) else None
    )
    return tuple(
        Cache(
            path,
            whole.get(path, NO_SHARE),
            {kind: kinds[path, kind] for kind in Kind if (path, kind) in kinds},
            packages.get(path, ()),
            tuple(sorted(outdated[path])),
            old.get(path, NO_SHARE),
            path in survey.layout.caches,
        )
        for path in survey.layout.all_caches
    )


@lru_cache(maxsize=1)
def extracted_packages(ledger: Ledger) -> dict[str, tuple[Extracted, ...]]:
    """Return the extracted packages by cache, largest first."""
    shares = ledger.split(lambda label: (label.home, label.name) if label.kind is Kind.EXTRACTED else None)
    users: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    linked, nested = set(), set()
    for row in ledger.rows:
        inside = [label for label in row.labels if label.kind is Kind.EXTRACTED]
        homes = {label.home for label in row.labels if label.kind in IN_ENVIRONMENT}
        for label in inside:
            users[label.home, label.name] |= homes
            linked.update([(label.home, label.name)] if row.links > 1 and label.sort is not Sort.FOLDER else [])
            nested.update([(label.home, label.name)] if label.nested else [])
    found: defaultdict[str, list[Extracted]] = defaultdict(list)
    for key, share in shares.items():
        package = Extracted(key[1], share, tuple(sorted(users[key])), key in linked, key in nested)
        found[key[0]].append(package)
    return {
        home: tuple(sorted(packages, key=lambda package: (-package.share.bytes.allocated, package.path)))
        for home, packages in found.items()
    }


def _is_of(label: Label, stems: frozenset[str]) -> bool:
    return label.kind in {Kind.EXTRACTED, Kind.ARCHIVE} and stem_of(label) in stems
