"""Owns the judgement of stored bytes: what of a layer is residue, of which kind, and what a clean would have saved."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from heapq import nlargest

from slimconda.layers.caches import Caches, Place
from slimconda.layers.globs import Globs
from slimconda.layers.nodes import Folder, Inode, Node
from slimconda.layers.softlinks import soft_linked
from slimconda.layers.tar import Kind
from slimconda.layers.tree import Tree

CACHE_LEFT = "conda-cache-left"
CLEANED_LATER = "conda-clean-in-later-layer"
INSTALLER_LEFT = "conda-installer-left"

TRASH = ".trash"
MEASURED = frozenset((CACHE_LEFT, CLEANED_LATER, INSTALLER_LEFT))

LARGEST_PATHS = 20
# Installers are 60 MB and more (facts: Miniconda3 4.5.11 has 62.6 MB); etc/profile.d/conda.sh has 3 kB.
SMALLEST_INSTALLER = 1_000_000
INSTALLER = re.compile(
    r"(miniconda|miniforge|mambaforge|anaconda|conda|mamba)[0-9]?([-_.].*)?\.sh(\.[0-9]+)?", re.IGNORECASE
)


@dataclass(frozen=True)
class Residue:
    """What one rule finds in one layer: the stored bytes, and the paths of the largest files, largest first.

    `needed` of these bytes are targets of live symbolic links from outside the caches: waste only after those links go.
    `packed` is what they take of a compressed blob, in bytes; 0 where the blob is plain.
    """

    rule: str
    bytes: int
    needed: int
    paths: tuple[str, ...]
    packed: int = 0


@dataclass(frozen=True)
class CacheBytes:
    """A layer's package-cache bytes by kind; all but `shared` lie in caches alone and add up to its cache residue.

    `shared` is hard-linked into an environment and frees nothing; `needed` is what an environment's symlinks point to.
    `older` and `trash` say what of these kinds is of packages with a newer version in that cache, and in its trash.
    """

    archives: int = 0
    extracted: int = 0
    index: int = 0
    needed: int = 0
    shared: int = 0
    older: int = 0
    trash: int = 0


@dataclass(frozen=True)
class Saving:
    """The bytes that a clean at the end of the layer's own instruction would have kept out of it.

    `all` is what `clean --all --yes` of the tool that filled the cache removes: archives, index, logs, and extracted
    packages with info/ and without any hard-linked file (conda's rule; run on conda 26.7 and mamba 2.8, whose nested
    cache conda itself does not see). `force` is what `--force-pkgs-dirs` removes: whole caches. Both remove targets of
    an environment's symlinks, too, as conda does.
    """

    all: int = 0
    force: int = 0


@dataclass(frozen=True)
class Judged:
    """What is known about one layer's residue; `advice` is what rules say that only advise, and is no residue."""

    residue: dict[str, Residue]
    cache: CacheBytes
    clean: Saving
    advice: dict[str, Residue]


@dataclass
class _Tally:
    """The inodes of one layer, sorted by what they are."""

    cached: list[tuple[Inode, Place]] = field(default_factory=list)
    shared: list[Inode] = field(default_factory=list)
    installers: list[Inode] = field(default_factory=list)
    claimed: dict[str, list[Inode]] = field(default_factory=dict)
    advised: dict[str, list[Inode]] = field(default_factory=dict)
    linked: set[Node] = field(default_factory=set)


def judge(tree: Tree, caches: Caches, globs: Globs, advice: Globs) -> list[Judged]:
    """Return each layer's residue. A hard-link group counts once, in the layer that stores it, under one rule.

    `globs` are those of the rules that no code here measures. `advice` are those of rules that only advise, which get
    what is visible and left by all others.

    What was residue when its layer was made stays residue of that layer: under conda-clean-in-later-layer where a later
    layer deleted it, else under conda-cache-left, also where a later layer holds a newer copy of the same path.
    """
    needed = soft_linked(tree, caches)
    return [_judge_layer(tree, _sort(inodes, caches, globs, advice), caches, needed) for inodes in tree.layers]


def _judge_layer(tree: Tree, tally: _Tally, caches: Caches, needed: set[Inode]) -> Judged:
    by_rule: dict[str, list[Inode]] = {CACHE_LEFT: [], CLEANED_LATER: [], INSTALLER_LEFT: tally.installers}
    by_rule |= tally.claimed
    for inode, _ in tally.cached:
        by_rule[_cache_rule(inode, tree)].append(inode)
    residue = {rule: _residue(rule, found, needed) for rule, found in by_rule.items() if sum(i.size for i in found)}
    advice = {rule: _residue(rule, found, needed) for rule, found in tally.advised.items()}
    return Judged(residue, _cache_bytes(tally, caches, needed), _saving(tally, caches), advice)


def _sort(inodes: list[Inode], caches: Caches, globs: Globs, advice: Globs) -> _Tally:
    tally = _Tally()
    for inode in inodes:
        places = caches.places(inode)
        inside = [place for place in places if place is not None] if any(places) else []
        if inside and inode.is_linked:
            tally.linked.update([place.top for place in inside])
        # A clean of conda's does not reach what another tool's rule names, though it looks like a package cache.
        if (rule := globs.claim(inode)) is not None:
            tally.claimed.setdefault(rule, []).append(inode)
        elif inside:
            if len(inside) == len(places):
                tally.cached.append((inode, inside[0]))
            else:
                tally.shared.append(inode)
        elif inode.size >= SMALLEST_INSTALLER and _is_installer(inode):
            tally.installers.append(inode)
        elif inode.alive and (rule := advice.claim(inode)) is not None:
            tally.advised.setdefault(rule, []).append(inode)
    return tally


def _is_installer(inode: Inode) -> bool:
    return inode.kind is Kind.FILE and all(INSTALLER.fullmatch(name) for _, name in inode.pairs)


def _cache_rule(inode: Inode, tree: Tree) -> str:
    if inode.alive:
        return CACHE_LEFT
    replaced = not inode.deleted and any(tree.find(node.path) for node in inode.names)
    return CACHE_LEFT if replaced else CLEANED_LATER


def _residue(rule: str, inodes: list[Inode], needed: set[Inode]) -> Residue:
    return Residue(
        rule,
        sum(inode.size for inode in inodes),
        sum(inode.size for inode in inodes if inode in needed),
        tuple(inode.path for inode in _largest(inodes)),
        sum(inode.packed for inode in inodes),
    )


def _largest(inodes: list[Inode]) -> list[Inode]:
    """Return the largest ones, of equally large ones the first by path; paths are made of those in question alone."""
    least = nlargest(LARGEST_PATHS, (inode.size for inode in inodes))[-1:]
    candidates = [inode for inode in inodes if inode.size >= least[0]]
    return sorted(candidates, key=lambda inode: (-inode.size, inode.path))[:LARGEST_PATHS]


def _cache_bytes(tally: _Tally, caches: Caches, needed: set[Inode]) -> CacheBytes:
    sizes = {"archives": 0, "extracted": 0, "index": 0, "needed": 0}
    for inode, place in tally.cached:
        sizes[_kind(inode, place, needed)] += inode.size
    older = sum(inode.size for inode, place in tally.cached if place.stem in caches.older(place.cache))
    trash = sum(inode.size for inode, place in tally.cached if place.top.name == TRASH)
    return CacheBytes(**sizes, shared=sum(inode.size for inode in tally.shared), older=older, trash=trash)


def _kind(inode: Inode, place: Place, needed: set[Inode]) -> str:
    if inode in needed:
        return "needed"
    if place.is_archive:
        return "archives"
    return "index" if place.is_index else "extracted"


def _saving(tally: _Tally, caches: Caches) -> Saving:
    cleaned = (inode.size for inode, place in tally.cached if _is_cleaned(place, tally.linked, caches))
    return Saving(sum(cleaned), sum(inode.size for inode, _ in tally.cached))


def _is_cleaned(place: Place, linked: Iterable[Node], caches: Caches) -> bool:
    """Tell whether `clean --all --yes` of the tool that filled the cache removes it."""
    if place.is_archive:
        return True
    if not isinstance(place.top, Folder):
        return False
    if place.is_index:
        return True
    return place.top.name in caches.marks[place.cache].extracted and place.top not in linked
