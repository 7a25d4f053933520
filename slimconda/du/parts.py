"""Owns the split of an installation into parts that add up: each inode is charged to one of them."""

from collections import defaultdict
from dataclasses import dataclass

from slimconda.du.labels import IN_CACHE, IN_ENVIRONMENT, Kind, Label
from slimconda.du.ledger import NOTHING, Bytes, Row
from slimconda.du.measure import Survey

NO_PACKAGE = "files of no package"


@dataclass(frozen=True)
class Part:
    """What is charged to one owner: a package in an environment, or a kind of content of a package cache.

    `environments` need the bytes (several where they share them by hard links), a cache alone holds them where there
    is none; `cache` is that cache's path, `name` the package or the kind of content.
    """

    name: str
    environments: tuple[str, ...]
    cache: str
    bytes: Bytes


def read_parts(survey: Survey) -> tuple[Part, ...]:
    """Return the parts of all caches and environments, largest first; their sum is the installation's total."""
    sums: defaultdict[tuple[str, tuple[str, ...], str], Bytes] = defaultdict(lambda: NOTHING)
    for row in survey.ledger.rows:
        owner = _owner(row)
        if owner is not None:
            sums[owner] += row.bytes
    parts = [Part(*owner, size) for owner, size in sums.items()]
    return tuple(sorted(parts, key=lambda part: (-part.bytes.allocated, part.name, part.environments, part.cache)))


def _owner(row: Row) -> tuple[str, tuple[str, ...], str] | None:
    users = [label for label in row.labels if label.kind in IN_ENVIRONMENT]
    if users:
        packages = sorted(label.name for label in users if label.kind is not Kind.UNCLAIMED)
        return packages[0] if packages else NO_PACKAGE, tuple(sorted({label.home for label in users})), ""
    cached = [label for label in row.labels if label.kind in IN_CACHE]
    return (str(_kind(cached)), (), min(label.home for label in cached)) if cached else None


def _kind(labels: list[Label]) -> Kind:
    """Return the kind of what only caches hold; where its names differ, the first of them in the order of kinds."""
    kinds = {label.kind for label in labels}
    return next(kind for kind in Kind if kind in kinds)
