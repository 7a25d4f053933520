"""Owns the recognition of package caches and prefixes by their marks; no path and no name alone decides."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Flag, auto

from slimconda.layers.nodes import Folder, Inode, Name, Node
from slimconda.layers.tree import Tree, all_names
from slimconda.versions import older

PACKAGE = re.compile(r"[^-].*-[^-]+-[^-]+")  # NAME-VERSION-BUILD, where only NAME may have dashes
ARCHIVE_ENDS = (".conda", ".tar.bz2")
PARTIAL_ENDS = (".conda.partial", ".tar.bz2.partial", ".conda.part", ".tar.bz2.part")
INDEX = re.compile(r"[0-9a-f]{8}\.(json|q|info\.json|state\.json|solv)")
CHANNEL_FILES = frozenset(("repodata.json", "repodata.json.zst", "repodata.json.bz2", "current_repodata.json"))


class Sign(Flag):
    """What hints at a package cache."""

    URLS = auto()  # conda writes `urls` and `urls.txt` into each cache that it may write to
    URLS_TXT = auto()
    INDEX = auto()  # cache/<8 hex digits>.json
    INDEX_STATE = auto()  # and beside it what the tool knows about that index
    ARCHIVE = auto()
    EXTRACTED = auto()  # NAME-VERSION-BUILD/info/
    RECORD = auto()  # … with repodata_record.json, which is written only when a tool extracts into its cache
    CHANNEL = auto()


NO_SIGN = Sign(0)
LISTS = {"urls": Sign.URLS, "urls.txt": Sign.URLS_TXT} | dict.fromkeys(CHANNEL_FILES, Sign.CHANNEL)


@dataclass(slots=True)
class Marks:
    """The signs seen in a folder, in whichever layer, and the packages extracted there."""

    signs: Sign = NO_SIGN
    archives: set[str] = field(default_factory=set)
    extracted: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Caches:
    """The package caches and conda prefixes of an image.

    A cache `mixed` with a prefix (at it or below) or at the root of the image claims only what a tool writes there.
    """

    marks: dict[Folder, Marks]
    mixed: frozenset[Folder]
    prefixes: frozenset[Folder]
    _homes: dict[Folder, "Place | None"] = field(default_factory=dict, repr=False)
    _older: dict[Folder, frozenset[str]] = field(default_factory=dict, repr=False)

    def place(self, node: Name) -> "Place | None":
        """Return where in a cache a name lies, or None outside of all caches."""
        if node.parent in self.marks and (found := self._in_cache(node.parent, node)):
            return found
        return self.place_below(node.parent)

    def places(self, inode: Inode) -> "list[Place | None]":
        """Return where in a cache each name of an inode lies."""
        if not inode.is_linked:
            return [self._place_of(inode.folder, inode.name, inode)]
        return [self._place_of(folder, name, inode) for folder, name in inode.pairs]

    def _place_of(self, folder: Folder, name: str, inode: Inode) -> "Place | None":
        if folder in self.marks:
            return self.place(Name(name, folder, inode))
        return self._homes[folder] if folder in self._homes else self.place_below(folder)

    def place_below(self, folder: Folder) -> "Place | None":
        """Return the place of all that lies below a folder; asked once per folder."""
        path: list[Folder] = []
        while folder not in self._homes and folder.parent is not None:
            path.append(folder)
            folder = folder.parent
        found = self._homes.get(folder)
        for below in reversed(path):
            parent = below.parent
            if parent in self.marks:
                found = self._in_cache(parent, below) or found
            self._homes[below] = found
        return found

    def older(self, cache: Folder) -> frozenset[str]:
        """Return the packages, NAME-VERSION-BUILD, of which a cache has a newer version."""
        if cache not in self._older:
            self._older[cache] = older(self.marks[cache].archives | self.marks[cache].extracted)
        return self._older[cache]

    def _in_cache(self, cache: Folder, child: Node) -> "Place | None":
        if cache in self.mixed and not _is_tools_own(child, self.marks[cache]):
            return None
        return Place(cache, child)


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a cache: `top` is the child of the cache that is, or leads to, the name meant."""

    cache: Folder
    top: Node

    @property
    def stem(self) -> str:
        """Return the package that it is of, NAME-VERSION-BUILD, if it is of one."""
        return self.top.name.removesuffix(".conda").removesuffix(".tar.bz2")

    @property
    def is_archive(self) -> bool:
        """Tell whether it is a package's archive, or the unfinished download of one."""
        return isinstance(self.top, Name) and is_archive(self.top.name)

    @property
    def is_index(self) -> bool:
        """Tell whether it is the index, a list of URLs, a log or a lock: anything but a package."""
        return not self.is_archive and (isinstance(self.top, Name) or self.top.name in {"cache", ".logs"})


def is_archive(name: str) -> bool:
    """Tell whether a file name is that of a package's archive or of its unfinished download."""
    for end in (*ARCHIVE_ENDS, *PARTIAL_ENDS):
        if name.endswith(end):
            return PACKAGE.fullmatch(name.removesuffix(end)) is not None
    return False


def _is_tools_own(child: Node, marks: Marks) -> bool:
    name = child.name
    if isinstance(child, Name):
        return is_archive(name) or name in {"urls", "urls.txt"}
    return name in marks.extracted or (name == "cache" and Sign.INDEX in marks.signs)


def find_caches(tree: Tree) -> Caches:
    """Find all caches and prefixes; marks of any layer count, also of files that a later layer hides."""
    marks, metas = _collect(tree)
    prefixes = {prefix for prefix in metas if not _is_packaged(prefix, marks)}
    found = {folder for folder, mark in marks.items() if _is_cache(mark)}
    found |= _named_caches(tree, marks, prefixes, found)
    paths = {folder.path for folder in found}
    found |= {folder for folder, mark in marks.items() if folder.path in paths and mark.signs & ~Sign.CHANNEL}
    above = {folder for prefix in prefixes for folder in _upward(prefix)} | {tree.root}
    return Caches({folder: marks[folder] for folder in found}, frozenset(above & found), frozenset(prefixes))


def _collect(tree: Tree) -> tuple[dict[Folder, Marks], set[Folder]]:
    """Return the marks by folder, and the folders with conda-meta/ in them."""
    marks: defaultdict[Folder, Marks] = defaultdict(Marks)
    metas: set[Folder] = set()
    for folder, name in all_names(tree):
        if name in LISTS:
            marks[folder].signs |= LISTS[name]
        elif name.endswith(ARCHIVE_ENDS):
            _mark_archive(name, marks, folder)
        elif folder.parent is not None and folder.name in {"info", "cache", "conda-meta"}:
            _mark_parent(name, folder, folder.parent, marks, metas)
    return marks, metas


def _mark_archive(name: str, marks: defaultdict[Folder, Marks], folder: Folder) -> None:
    if is_archive(name):
        marks[folder].signs |= Sign.ARCHIVE
        marks[folder].archives.add(name.removesuffix(".conda").removesuffix(".tar.bz2"))


def _mark_parent(
    name: str, folder: Folder, parent: Folder, marks: defaultdict[Folder, Marks], metas: set[Folder]
) -> None:
    """Note what a file in info/, cache/ or conda-meta/ says about the folders above."""
    if folder.name == "conda-meta":
        if name == "history" or name.endswith(".json"):
            metas.add(parent)
    elif folder.name == "cache":
        if INDEX.fullmatch(name):
            marks[parent].signs |= Sign.INDEX if name.count(".") == 1 and name.endswith(".json") else Sign.INDEX_STATE
    elif parent.parent is not None and PACKAGE.fullmatch(parent.name):
        marks[parent.parent].extracted.add(parent.name)
        record = name == "repodata_record.json"
        marks[parent.parent].signs |= (Sign.EXTRACTED | Sign.RECORD) if record else Sign.EXTRACTED


def _is_packaged(folder: Folder, marks: dict[Folder, Marks]) -> bool:
    """Tell whether a folder lies in an extracted package: some carry whole prefixes."""
    return any(
        above.parent in marks and above.name in marks[above.parent].extracted
        for above in _upward(folder)
        if above.parent
    )


def _is_cache(mark: Marks) -> bool:
    """Weigh the signs: what only a tool writes is enough; of what anybody may write, two different signs are."""
    signs = mark.signs
    if Sign.RECORD in signs or Sign.URLS | Sign.URLS_TXT in signs or Sign.INDEX | Sign.INDEX_STATE in signs:
        return True
    if Sign.CHANNEL in signs and not signs & (Sign.URLS | Sign.URLS_TXT | Sign.INDEX):
        return False
    lists = bool(signs & (Sign.URLS | Sign.URLS_TXT))
    weight = lists + (Sign.INDEX in signs) + (Sign.ARCHIVE in signs) + (Sign.EXTRACTED in signs)
    return weight >= 2 and (weight > 2 or lists or Sign.INDEX in signs or bool(mark.archives & mark.extracted))


def _named_caches(tree: Tree, marks: dict[Folder, Marks], prefixes: set[Folder], found: set[Folder]) -> set[Folder]:
    """Return the folders called pkgs that hold packages of a prefix: beside conda-meta/, or linked from outside."""
    named = {folder for folder, mark in marks.items() if folder.name == "pkgs" and _holds_packages(mark)} - found
    beside = {folder for folder in named if folder.parent in prefixes}
    return beside | (_linked_out(tree, named - beside) if named - beside else set())


def _holds_packages(mark: Marks) -> bool:
    return bool(mark.signs & (Sign.ARCHIVE | Sign.EXTRACTED)) and Sign.CHANNEL not in mark.signs


def _linked_out(tree: Tree, folders: set[Folder]) -> set[Folder]:
    """Return the folders with a hard link between a name below and a name outside."""
    linked: set[Folder] = set()
    for inode in (inode for inodes in tree.layers for inode in inodes if inode.is_linked):
        homes = [folders.intersection(_upward(name.parent)) for name in inode.names]
        linked.update(home for home in set().union(*homes) if not all(home in other for other in homes))
    return linked


def _upward(folder: Folder) -> Iterator[Folder]:
    """Yield the folder and all above it."""
    above: Folder | None = folder
    while above is not None:
        yield above
        above = above.parent
