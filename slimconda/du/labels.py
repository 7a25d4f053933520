"""Owns what a name on the disk is: the home that it lies in, and the part of it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a name is part of: of a package cache, of an environment, or of another tool's cache."""

    ARCHIVE = "archive"
    PARTIAL = "partial download"
    EXTRACTED = "extracted package"
    INDEX = "index cache"
    TRASH = "trash"
    LOGS = "logs"
    CACHE_OTHER = "other in a cache"
    PACKAGE = "package"
    PIP_PACKAGE = "pip package"
    UNCLAIMED = "claimed by no package"
    TOOL_CACHE = "tool cache"


IN_CACHE = frozenset({Kind.ARCHIVE, Kind.PARTIAL, Kind.EXTRACTED, Kind.INDEX, Kind.TRASH, Kind.LOGS, Kind.CACHE_OTHER})
IN_ENVIRONMENT = frozenset({Kind.PACKAGE, Kind.PIP_PACKAGE, Kind.UNCLAIMED})


class Sort(StrEnum):
    """What sort of file a name is, as far as it matters to somebody who looks for space."""

    PLAIN = "plain"
    BYTECODE = "bytecode"
    STATIC = "static library"
    TEMPORARY = "temporary"  # what `conda clean --tempfiles` looks for
    WHEEL = "wheel"  # what `pip cache purge` looks for
    FOLDER = "folder"


ENDS = {".pyc": Sort.BYTECODE, ".a": Sort.STATIC, ".c~": Sort.TEMPORARY, ".trash": Sort.TEMPORARY, ".whl": Sort.WHEEL}
SORTED_ENDS = tuple(ENDS)


def sort_of(name: str) -> Sort:
    """Return the sort of a file by its name."""
    if not name.endswith(SORTED_ENDS):
        return Sort.PLAIN
    return next(sort for end, sort in ENDS.items() if name.endswith(end))


@dataclass(frozen=True, slots=True, eq=False)
class Label:
    """What a name is part of; a table keeps one object of each, so that they compare at once.

    `home` is the path of the environment or cache; `name` the package, or the path in the cache; `area` the first
    folder below an environment; `nested` tells that a package lies deeper in a cache than conda looks.
    """

    home: str
    kind: Kind
    name: str = ""
    area: str = ""
    sort: Sort = Sort.PLAIN
    nested: bool = False

    @property
    def key(self) -> tuple[str, Kind, str, str, Sort, bool]:
        """Return what tells two labels apart."""
        return self.home, self.kind, self.name, self.area, self.sort, self.nested


def stem_of(label: Label) -> str:
    """Return NAME-VERSION-BUILD of what a label names: an installed or extracted package, or an archive."""
    name = label.name.rpartition("/")[2]
    return name.removesuffix(".conda").removesuffix(".tar.bz2") if label.kind is Kind.ARCHIVE else name
