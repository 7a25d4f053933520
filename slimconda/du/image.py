"""Owns the measuring of an installation inside an image, of which only names, links and sizes are known.

No file can be read there, so packages claim what is hard-linked with the package cache; the rest is claimed by none.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from slimconda.du.labels import Kind, Label, sort_of, stem_of
from slimconda.du.layout import Layout
from slimconda.du.measure import Survey
from slimconda.du.records import Record
from slimconda.du.table import Table
from slimconda.du.zones import FOLDERS, kind_of_file
from slimconda.errors import ImageError

Files = tuple[tuple[tuple[str, ...], int], ...]
RECORD = re.compile(r"(.*)/conda-meta/([^/]+-[^/-]+-[^/-]+)\.json")
TOOL_CACHE = re.compile(r"((?:/root|/home/[^/]+)/\.cache/(?:(pip|uv|pixi|conda)|(rattler)/cache))/.*")


def survey_image(name: str, prefixes: Iterable[str], caches: Iterable[str], files: Files) -> Survey:
    """Return the bytes by labels of what the finished image shows: each file's names, and its size as Docker counts it.

    Raises ImageError where no environment is visible.
    """
    shown = frozenset(path for paths, _ in files for path in paths)
    layout = _layout(name, prefixes, caches, shown)
    places = _Places(layout, _extracted(layout, shown))
    table = Table(block=1)
    for paths, size in files:
        table.add(places.labels(paths), len(paths), size, size)
    installed = dict(_installed(layout, shown))
    listed = {home: {(Kind.PACKAGE, stem): 0 for stem in records} for home, records in installed.items()}
    return Survey(layout, table.close(), installed, listed, dict.fromkeys((*layout.environments, *layout.caches), 0))


def _layout(name: str, prefixes: Iterable[str], caches: Iterable[str], shown: frozenset[str]) -> Layout:
    environments = sorted(home for home in prefixes if f"{home}/conda-meta/history" in shown or _has(home, shown))
    if not environments:
        raise ImageError(f"{name}: no conda environment in it")
    root = min(environments, key=lambda home: (home.count("/"), home))
    found = tuple(sorted(caches, key=lambda cache: (cache != f"{root}/pkgs", cache)))
    tools = {match[2] or match[3]: match[1] for path in shown if (match := TOOL_CACHE.fullmatch(path))}
    ordered = (root, *(home for home in environments if home != root))
    return Layout(root, ordered, found, writable=frozenset(found), tools=dict(sorted(tools.items())))


def _has(home: str, shown: frozenset[str]) -> bool:
    return any(path.startswith(f"{home}/conda-meta/") for path in shown)


def _extracted(layout: Layout, shown: Iterable[str]) -> frozenset[str]:
    """Return the folders in caches that have an info/ folder, as tools tell a package."""
    caches = tuple(f"{cache}/" for cache in layout.caches)
    folders = (path.partition("/info/")[0] for path in shown if "/info/" in path and path.startswith(caches))
    return frozenset(folder for folder in folders if f"{folder}/" not in caches)


def _installed(layout: Layout, shown: Iterable[str]) -> Iterator[tuple[str, dict[str, Record]]]:
    found: dict[str, dict[str, Record]] = {home: {} for home in layout.environments}
    for path in sorted(shown):
        if (match := RECORD.fullmatch(path)) and match[1] in found:
            found[match[1]][match[2]] = Record(match[2], (), 0, None, None)
    yield from found.items()


@dataclass
class _Places:
    """Which label a path has."""

    layout: Layout
    extracted: frozenset[str]
    _homes: dict[str, str | None] = field(default_factory=dict)

    def labels(self, paths: tuple[str, ...]) -> Iterator[Label]:
        """Yield the label of each name of a file; in environments the package that one of the names tells."""
        labels = [self._label(path) for path in paths]
        packages = [stem_of(label) for label in labels if label.kind is Kind.EXTRACTED]
        for label in labels:
            if packages and label.kind is Kind.UNCLAIMED:
                yield Label(label.home, Kind.PACKAGE, packages[0], label.area, label.sort)
            else:
                yield label

    def _label(self, path: str) -> Label:
        folder, _, name = path.rpartition("/")
        home = self._home(folder)
        relative = path[len(home) + 1 :] if home else path
        if home in self.layout.caches:
            return self._in_cache(home, relative)
        if home in self.layout.environments:
            return Label(home, Kind.UNCLAIMED, "", relative.partition("/")[0] if "/" in relative else "", sort_of(name))
        top = relative.partition("/")[0] if "/" in relative else ""
        return Label(home or "", Kind.TOOL_CACHE, top if home else "", "", sort_of(name))

    def _home(self, folder: str) -> str | None:
        """Return the innermost home that a folder lies in, or is."""
        if folder not in self._homes:
            known = {*self.layout.environments, *self.layout.caches, *self.layout.tools.values()}
            above = folder.rpartition("/")[0]
            self._homes[folder] = folder if folder in known else self._home(above) if folder else None
        return self._homes[folder]

    def _in_cache(self, home: str, relative: str) -> Label:
        parts = relative.split("/")
        for depth in range(1, len(parts)):
            if f"{home}/{'/'.join(parts[:depth])}" in self.extracted:
                return Label(home, Kind.EXTRACTED, "/".join(parts[:depth]), "", sort_of(relative), nested=depth > 1)
        if len(parts) > 1 and parts[0] in FOLDERS:
            return Label(home, FOLDERS[parts[0]], parts[0])
        return Label(home, kind_of_file(parts[-1]) or Kind.CACHE_OTHER, relative, nested=len(parts) > 1)
