"""Owns the image as checks and reports see it: layers, what each stores, what of it is residue. Read-only."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from slimconda import collector
from slimconda.errors import DaemonError, ImageError
from slimconda.findings import Severity
from slimconda.layers.bystanders import count_bystanders, list_globs
from slimconda.layers.caches import Caches, find_caches
from slimconda.layers.columns import Entry
from slimconda.layers.globs import Globs, compile_globs
from slimconda.layers.manifest import LayerSource
from slimconda.layers.nodes import Folder, Inode
from slimconda.layers.request import ANY, Request
from slimconda.layers.residue import MEASURED, CacheBytes, Judged, Residue, Saving, judge
from slimconda.layers.sources import STDIN, read_image
from slimconda.layers.tar import Kind
from slimconda.layers.tree import Tree
from slimconda.rulebook import load_rules

if TYPE_CHECKING:
    from slimconda.layers.environments import Duplicate, Environment
    from slimconda.layers.records import PackageRecord

    Costs = tuple[tuple[Environment, ...], tuple[Duplicate, ...]]


LONGEST_REASON = 1000  # characters; what an archive calls its files may have megabytes


@dataclass(frozen=True, slots=True)
class LayerFile:
    """A file (or symlink, or other non-directory) that a layer stores once, under all of its hard-linked `paths`.

    `size` in bytes as Docker counts it; `live` while any of its names is visible in the finished image; `packed`
    is what it takes of a compressed blob, in bytes.
    """

    paths: tuple[str, ...]
    kind: Kind
    size: int
    live: bool
    packed: int = 0


def _layer_file(inode: Inode) -> LayerFile:
    return LayerFile(inode.paths, inode.kind, inode.size, inode.alive > 0, inode.packed)


@dataclass(frozen=True)
class Layer:
    """One layer, `index` from 0 for the lowest; all sizes in bytes, and size = live + dead.

    `packed` is the size of its compressed blob, which a pull transfers; None where the image holds the layer plain.
    `advice` is by rules that only advise, and no residue; `bystanders` are visible bytes by kind that none judges.
    `entry` is the index of its entry in the history.
    `base` says that it is a layer of the base image, as the user told.
    """

    index: int
    digest: str
    created_by: str
    size: int
    live: int
    residue: dict[str, Residue]
    cache: CacheBytes
    clean: Saving
    packed: int | None
    bystanders: dict[str, int]
    advice: dict[str, Residue]
    entry: int | None
    _inodes: list[Inode] = field(repr=False)

    base: bool = False

    @property
    def dead(self) -> int:
        """Return the bytes that later layers delete, replace or copy up: stored, but not visible."""
        return self.size - self.live

    def exceeds_leftovers(self, rule: str) -> bool:
        """Tell whether a rule's residue is more than what a clean leaves anyway: linked packages, lists of URLs."""
        residue = self.residue.get(rule)
        return residue is not None and residue.bytes > self.clean.force - self.clean.all

    @property
    def symlinks(self) -> int:
        """Return the bytes of `size` that are symlink targets: none where Docker's history leaves them out."""
        return sum(inode.size for inode in self._inodes if inode.kind is Kind.SYMLINK)

    @cached_property
    def files(self) -> tuple[LayerFile, ...]:
        """Return all that the layer stores, in the order of its tar; whiteouts and directories store nothing."""
        return tuple(map(_layer_file, self._inodes))

    def live_files(self, ends: tuple[str, ...]) -> Iterator[LayerFile]:
        """Yield the visible files with a name that ends so; no other paths are made, which takes long for all."""
        for inode in self._inodes:
            if inode.alive and any(name.endswith(ends) for _, name in inode.pairs):
                yield _layer_file(inode)

    @cached_property
    def visible(self) -> tuple[tuple[tuple[str, ...], int], ...]:
        """Return the names that the finished image shows of each file, with the file's size; hidden files have none."""
        shown = ((tuple(f"/{node.path}" for node in inode.names if not node.gone), inode) for inode in self._inodes)
        return tuple((paths, inode.size) for paths, inode in shown if paths)


@dataclass(frozen=True)
class Totals:
    """The sums over all layers, in bytes; `residue` over all rules.

    `reclaimable` is what cleaning with force in the same layers, and removing installers there, would have saved: the
    residue without what an environment's symbolic links need.
    """

    size: int
    live: int
    dead: int
    residue: int
    reclaimable: int


@dataclass(frozen=True)
class Image:
    """An analysed image: `name` as the user gave it, and its layers, lowest first.

    `prefixes` and `caches` are the paths of conda environments and of package caches, of all layers, also deleted ones.
    `history` is what made it, oldest first, also what made no layer. `environments` are those that it shows, and
    `duplicates` the packages that several of them have: both are known where the records were read.
    """

    name: str
    layers: tuple[Layer, ...]
    prefixes: tuple[str, ...]
    caches: tuple[str, ...]
    history: tuple[str, ...] = ()
    environments: "tuple[Environment, ...]" = ()
    duplicates: "tuple[Duplicate, ...]" = ()

    @property
    def size(self) -> int:
        """Return the sum of the layers' sizes in bytes, as Docker's graph drivers count it."""
        return sum(layer.size for layer in self.layers)

    @cached_property
    def totals(self) -> Totals:
        """Return the sums over all layers."""
        found = [residue for layer in self.layers for residue in layer.residue.values()]
        total = sum(residue.bytes for residue in found)
        live = sum(layer.live for layer in self.layers)
        return Totals(self.size, live, self.size - live, total, total - sum(residue.needed for residue in found))


def open_image(target: str, request: Request = ANY) -> Image:
    """Open and analyse what a target names: standard input (-), an archive, a folder, or an image of the daemon.

    Raises ImageError (DaemonError where the daemon is at fault), whose one line names the target and says why.
    """
    shown = "standard input" if target == STDIN else target
    try:
        with collector.paused():
            return analyse(shown, read_image(target, request))
    except DaemonError as error:
        raise DaemonError(f"{shown}: no such file, and {error}") from None
    except ImageError as error:
        raise ImageError(f"{shown}: {_one_line(error)}") from None


def _one_line(error: ImageError) -> str:
    """Return what an error says, its middle left out where that is long: the name first, the reason last."""
    text, half = " ".join(str(error).split()), LONGEST_REASON // 2
    return text if len(text) <= LONGEST_REASON else f"{text[:half]}...{text[-half:]}"


def with_base(image: Image, count: int) -> Image:
    """Return the image with its lowest layers, so many, marked as the base image's."""
    return replace(image, layers=tuple(replace(layer, base=layer.index < count) for layer in image.layers))


def analyse(name: str, sources: Iterable[tuple[LayerSource, Iterable[Entry]]]) -> Image:
    """Return the image made of these layers, lowest first."""
    tree, described = Tree(), list[LayerSource]()
    for source, members in sources:
        described.append(source)
        tree.apply(members if source.counts_symlinks else map(_without_target, members))
    caches = find_caches(tree)
    judged, lists = judge(tree, caches, _rules_globs(advice=False), _rules_globs(advice=True)), list_globs()
    facts = [count_bystanders(inodes, lists) for inodes in tree.layers]
    parts = zip(described, tree.layers, judged, facts, strict=True)
    layers = [_layer(index, *part) for index, part in enumerate(parts)]
    history = described[0].history if described else ()
    prefixes, folders = _outermost(caches.prefixes, caches), _outermost(caches.marks, caches)
    records = [source.records for source in described]
    found = _environments(tree, caches, records) if any(records) else ((), ())
    return Image(name, tuple(layers), prefixes, folders, history, *found)


def _environments(tree: Tree, caches: Caches, records: "list[Mapping[str, PackageRecord]]") -> "Costs":
    from slimconda.layers.environments import find_environments

    return find_environments(tree, caches, records)


def _rules_globs(*, advice: bool) -> Globs:
    """Return the globs of all cards whose residue no code measures, of those that only advise or of the others."""
    rules = [rule for rule in load_rules().values() if (rule.severity is Severity.INFO) == advice]
    return compile_globs({rule.name: rule.residue for rule in rules if rule.residue and rule.name not in MEASURED})


def _without_target(entry: Entry) -> Entry:
    path, kind, _, target, packed = entry
    return (path, kind, 0, target, packed) if kind is Kind.SYMLINK else entry


def _layer(index: int, source: LayerSource, inodes: list[Inode], judged: Judged, bystanders: dict[str, int]) -> Layer:
    size = sum(inode.size for inode in inodes)
    live = sum(inode.size for inode in inodes if inode.alive)
    return Layer(
        index,
        source.digest,
        source.created_by,
        size,
        live,
        judged.residue,
        judged.cache,
        judged.clean,
        source.packed,
        bystanders,
        judged.advice,
        source.entry,
        inodes,
    )


def _outermost(folders: Iterable[Folder], caches: Caches) -> tuple[str, ...]:
    """Return the paths of the folders that lie in no (other) cache."""
    return tuple(sorted({f"/{folder.path}" for folder in folders if caches.place_below(folder) is None}))
