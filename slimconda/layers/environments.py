"""Owns what conda environments hold: each one's own and shared bytes, its packages, what several have twice."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slimconda.layers.caches import Caches
from slimconda.layers.nodes import Folder, Inode, Name, find
from slimconda.layers.records import PackageRecord
from slimconda.layers.tree import Tree, normalise


@dataclass(frozen=True, slots=True)
class Package:
    """An installed package; `size` in bytes counts its visible files, each hard-link group once."""

    name: str
    version: str
    build: str
    size: int


@dataclass(frozen=True)
class Environment:
    """A conda environment that the finished image shows; sizes in bytes.

    `size` is what deleting it would free of the merged files: those with no name elsewhere. `shared` is hard-linked
    into a cache or another environment, too. Environments and caches below it are none of it. `packages` are its
    records, the largest first.
    """

    prefix: str
    size: int
    shared: int
    packages: tuple[Package, ...]


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A package, NAME-VERSION-BUILD, that several environments have; `size` is what its copies store beyond one."""

    package: str
    prefixes: tuple[str, ...]
    size: int


@dataclass
class _Areas:
    """To which environment a name belongs: the innermost one above it, None in caches and outside of all."""

    prefixes: frozenset[Folder]
    caches: Caches
    _known: dict[Folder, Folder | None] = field(default_factory=dict)

    def of(self, node: Name) -> Folder | None:
        if self.caches.place(node) is not None:
            return None
        passed: list[Folder] = []
        above: Folder | None = node.parent
        while above is not None and above not in self._known and above not in self.prefixes:
            passed.append(above)
            above = above.parent
        found = above if above in self.prefixes else self._known.get(above) if above is not None else None
        self._known |= dict.fromkeys(passed, found)
        return found


def find_environments(
    tree: Tree, caches: Caches, records: Sequence[Mapping[str, PackageRecord]]
) -> tuple[tuple[Environment, ...], tuple[Duplicate, ...]]:
    """Return the environments by their prefix, and what several have; `records` are each layer's, by path."""
    prefixes = frozenset(prefix for prefix in caches.prefixes if not prefix.gone)
    own, shared = _sizes(tree, _Areas(prefixes, caches))
    packages: defaultdict[Folder, list[Package]] = defaultdict(list)
    copies: defaultdict[str, list[tuple[Folder, set[Inode]]]] = defaultdict(list)
    for prefix, record in _installed(tree, records):
        files = set(_files(prefix, record))
        packages[prefix].append(Package(record.name, record.version, record.build, sum(i.size for i in files)))
        copies[f"{record.name}-{record.version}-{record.build}"].append((prefix, files))
    environments = [
        Environment(f"/{node.path}", own[node], shared[node], tuple(sorted(packages[node], key=_largest_first)))
        for node in prefixes
    ]
    return tuple(sorted(environments, key=lambda environment: environment.prefix)), tuple(_duplicates(copies))


def _largest_first(package: Package) -> tuple[int, str]:
    return -package.size, package.name


def _sizes(tree: Tree, areas: _Areas) -> tuple[defaultdict[Folder, int], defaultdict[Folder, int]]:
    own: defaultdict[Folder, int] = defaultdict(int)
    shared: defaultdict[Folder, int] = defaultdict(int)
    for inode in (inode for inodes in tree.layers for inode in inodes if inode.alive and inode.size):
        found = {areas.of(node) for node in inode.names if not node.gone}
        for area in found:
            if area is not None:
                (own if len(found) == 1 else shared)[area] += inode.size
    return own, shared


def _installed(tree: Tree, records: Sequence[Mapping[str, PackageRecord]]) -> Iterator[tuple[Folder, PackageRecord]]:
    """Yield the records that the finished image shows, with their prefixes."""
    for layer, found in enumerate(records):
        for path, record in found.items():
            node = tree.find(normalise(path))
            if not isinstance(node, Name) or node.inode.layer != layer:
                continue
            if node.parent.parent is not None:
                yield node.parent.parent, record


def _files(prefix: Folder, record: PackageRecord) -> Iterator[Inode]:
    for path in record.files:
        node = find(prefix, normalise(path))
        if isinstance(node, Name):
            yield node.inode


def _duplicates(copies: Mapping[str, list[tuple[Folder, set[Inode]]]]) -> Iterator[Duplicate]:
    """Yield what several environments have; hard-linked files are stored once and count for nothing."""
    for package, places in sorted(copies.items()):
        if len(places) < 2:
            continue
        sizes = [sum(inode.size for inode in files) for _, files in places]
        stored = sum(inode.size for inode in set().union(*(files for _, files in places)))
        yield Duplicate(package, tuple(sorted(f"/{node.path}" for node, _ in places)), stored - max(sizes))
