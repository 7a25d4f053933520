"""Owns which label a name has by its place: in an environment, a package cache, another tool's cache."""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from slimconda.du.labels import SORTED_ENDS, Kind, Label, sort_of
from slimconda.du.records import Record, read_pip_records, read_records
from slimconda.du.scan import SORTS, Names, Zone
from slimconda.du.table import Table

ARCHIVE_ENDS = (".conda", ".tar.bz2")
PARTIAL_ENDS = tuple(f"{archive}{end}" for archive in ARCHIVE_ENDS for end in (".partial", ".part"))
SLACK = 1.0  # seconds: archives keep whole seconds only
NO_NAMES: dict[str, int] = {}

Enter = Callable[[str], Zone | None]


def labels_of(table: Table, label: Label) -> tuple[int, ...]:
    """Return the numbers of a label in each sort, in the order of Sort."""
    return tuple(table.number(replace(label, sort=sort)) for sort in SORTS)


@dataclass
class PlainZone:
    """All below is part of one thing."""

    others: tuple[int, ...]
    watch: float = math.inf
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False

    def look(self, path: str) -> tuple[Names, tuple[int, ...]]:  # noqa: ARG002
        """Return the one label."""
        return NO_NAMES, self.others

    def enter(self, path: str) -> Zone:  # noqa: ARG002
        """Return the same zone."""
        return self


@dataclass
class EnvironmentZone:
    """An environment: its packages claim names by their lists of files. What was claimed is read when first asked."""

    home: str
    table: Table
    other_home: Enter
    listed: dict[tuple[Kind, str], int] = field(default_factory=dict)
    installed: dict[str, Record] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    watch: float = math.inf
    environment: bool = True
    _claims: dict[str, dict[str, int]] | None = None
    _unclaimed: dict[str, tuple[int, ...]] = field(default_factory=dict)

    def look(self, path: str) -> tuple[Names, tuple[int, ...]]:
        """Return what packages claim in a folder."""
        if self._claims is None:
            self._claims = {}
            self._read(self._claims)
        relative = path[len(self.home) + 1 :]
        area = relative.partition("/")[0]
        others = self._unclaimed.get(area)
        if others is None:
            others = self._unclaimed[area] = labels_of(self.table, Label(self.home, Kind.UNCLAIMED, "", area))
        return self._claims.get(relative, NO_NAMES), others

    def enter(self, path: str) -> Zone:
        """Return the zone of a cache or environment inside, else the same one."""
        return self.other_home(path) or self

    def _read(self, claims: dict[str, dict[str, int]]) -> None:
        for record in read_records(self.home):
            files = (*record.files, f"conda-meta/{record.stem}.json")
            self._claim(claims, Kind.PACKAGE, record.stem, files, record.time)
            self.installed[record.stem] = replace(record, files=())
        for pip_record in read_pip_records(self.home, claims):
            self._claim(claims, Kind.PIP_PACKAGE, pip_record.stem, pip_record.files, pip_record.time)
        self.watch = min(self.times.values(), default=math.inf)

    def _claim(
        self, claims: dict[str, dict[str, int]], kind: Kind, stem: str, files: tuple[str, ...], time: float
    ) -> None:
        last, area, names, plain = None, "", NO_NAMES, 0
        self.listed[kind, stem] = len(files)
        for file in files:
            folder, _, name = file.rpartition("/")
            if folder != last:
                last, area, names = folder, folder.partition("/")[0], claims.setdefault(folder, {})
                plain = self._number(Label(self.home, kind, stem, area), time)
            if kind is Kind.PIP_PACKAGE and name in names:
                continue
            if name.endswith(SORTED_ENDS):
                names[name] = self._number(Label(self.home, kind, stem, area, sort_of(name)), time)
            else:
                names[name] = plain

    def _number(self, label: Label, time: float) -> int:
        number = self.table.number(label)
        self.times[number] = time + SLACK
        return number


@dataclass
class CacheZone:
    """A folder of a package cache that holds packages: the cache itself, or since mamba 2.6 one per channel."""

    home: str
    table: Table
    other_home: Enter
    nested: bool = False
    watch: float = math.inf
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False

    def look(self, path: str) -> tuple[Names, tuple[int, ...]]:
        """Return the labels of files by their names; the folder and all that is no package is the cache's own."""
        others = labels_of(self.table, Label(self.home, Kind.CACHE_OTHER, nested=self.nested))
        return _CacheNames(self, path[len(self.home) + 1 :]), others

    def enter(self, path: str) -> Zone:
        """Return the zone of an extracted package, of the index and so on."""
        name, relative = os.path.basename(path), path[len(self.home) + 1 :]
        if (other := self.other_home(path)) is not None:
            return other
        if os.path.isdir(f"{path}/info"):
            return self._plain(Kind.EXTRACTED, relative)
        if not self.nested and name in _FOLDERS:
            return self._plain(_FOLDERS[name], name)
        if name.count("-") >= 2 and not self._leads_to_packages(path):
            return self._plain(Kind.PARTIAL, relative)
        return replace(self, nested=True)

    def _leads_to_packages(self, path: str) -> bool:
        """Tell whether a folder is a channel's; a package without info/ is a broken one."""
        return os.path.exists(f"{path}/urls.txt") or os.path.isdir(f"{path}/noarch")

    def _plain(self, kind: Kind, name: str) -> PlainZone:
        return PlainZone(labels_of(self.table, Label(self.home, kind, name, nested=self.nested)))


_FOLDERS = {"cache": Kind.INDEX, ".trash": Kind.TRASH, ".logs": Kind.LOGS}


@dataclass(frozen=True)
class _CacheNames:
    """The labels of a cache's own files."""

    zone: CacheZone
    folder: str

    def get(self, name: str, /) -> int | None:
        """Return the label of an archive or of an unfinished download."""
        kind = kind_of_file(name)
        if kind is None:
            return None
        path = f"{self.folder}/{name}".lstrip("/")
        return self.zone.table.number(Label(self.zone.home, kind, path, nested=self.zone.nested))


def kind_of_file(name: str) -> Kind | None:
    """Return what a file in a cache is by its name; None for lists of URLs and what else is there."""
    if name.endswith(ARCHIVE_ENDS):
        return Kind.ARCHIVE
    return Kind.PARTIAL if name.endswith(PARTIAL_ENDS) else None


@dataclass
class ToolZone:
    """The cache of pip, uv, rattler or pixi: told apart by the first folder in it."""

    home: str
    table: Table
    other_home: Enter
    watch: float = math.inf
    times: Mapping[int, float] = field(default_factory=dict)
    environment: bool = False

    def look(self, path: str) -> tuple[Names, tuple[int, ...]]:  # noqa: ARG002
        """Return the label of what lies at the top."""
        return NO_NAMES, labels_of(self.table, Label(self.home, Kind.TOOL_CACHE))

    def enter(self, path: str) -> Zone:
        """Return the zone of one of its parts."""
        relative = path[len(self.home) + 1 :]
        return self.other_home(path) or PlainZone(labels_of(self.table, Label(self.home, Kind.TOOL_CACHE, relative)))
