"""Owns what the system says of the files in one folder, taken together: each call less for one file is seconds."""

import os
import stat
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from slimconda.du.table import Group, Link, Traits

Files = list["os.DirEntry[str]"]
Stats = list[os.stat_result]
COUNTED = frozenset((stat.S_IFREG, stat.S_IFLNK))  # as Docker and du --apparent-size (coreutils 9.2) count
KIND = 0o170000


@dataclass(frozen=True, slots=True)
class Inodes:
    """Files with the same number of names on one device, as columns; of sizes only those that count."""

    device: int
    links: int
    numbers: Sequence[int]
    sizes: Sequence[int]
    blocks: Sequence[int]
    traits: Traits

    def group(self, link: Link) -> Group:
        """Return them as a group that awaits further names."""
        members = zip(self.numbers, self.sizes, self.blocks, strict=True)
        return Group(link, array("Q", chain.from_iterable(members)), self.traits)


def read_stats(files: Files) -> tuple[Files, Stats]:
    """Return the files that are still there, and what the system says of each."""
    try:
        return files, [entry.stat(follow_symlinks=False) for entry in files]
    except FileNotFoundError:
        left = [entry for entry in files if _is_there(entry)]
    return left, [entry.stat(follow_symlinks=False) for entry in left]  # an entry keeps what it was told


def _is_there(entry: "os.DirEntry[str]") -> bool:
    with suppress(FileNotFoundError):
        entry.stat(follow_symlinks=False)
        return True
    return False


def inodes_of(stats: Stats) -> list[Inodes]:
    """Return files by device and number of names; as a rule all of a folder are alike."""
    if not stats:
        return []
    modes, numbers, devices, links, _, _, sizes, _, times, _ = zip(*stats, strict=True)
    if len({*devices}) > 1 or len({*links}) > 1:
        return [inodes for alike in _by_links(stats) for inodes in inodes_of(alike)]
    kinds = {mode & KIND for mode in {*modes}}
    counted = sizes if kinds <= COUNTED else [size_of(found) for found in stats]
    traits = Traits(max(times) + 1, max(sizes), stat.S_IFLNK in kinds)  # times are whole seconds here, rounded down
    return [Inodes(devices[0], links[0], numbers, counted, [found.st_blocks for found in stats], traits)]


def _by_links(stats: Stats) -> Iterable[Stats]:
    found: dict[tuple[int, int], Stats] = {}
    for one in stats:
        found.setdefault((one.st_dev, one.st_nlink), []).append(one)
    return found.values()


def size_of(found: os.stat_result) -> int:
    """Return the size that counts."""
    return found.st_size if found.st_mode & KIND in COUNTED else 0
