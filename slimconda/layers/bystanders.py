"""Owns facts about a layer that no rule judges: bytecode, static libraries, trash, lists of package managers."""

from collections.abc import Iterable

from slimconda.layers.globs import Globs, compile_globs
from slimconda.layers.nodes import Inode

PACKAGE_LISTS = {
    "apt lists": ("var/lib/apt/lists/**", "var/cache/apt/**"),
    "dnf lists": ("var/cache/dnf/**", "var/cache/yum/**", "var/lib/dnf/**", "var/cache/libdnf5/**"),
    "apk lists": ("var/cache/apk/**", "etc/apk/cache/**"),
}
# conda renames what it cannot delete: `*.c~`, `*.trash` (facts of conda 4.3 to 26.7).
ENDINGS = {".pyc": "bytecode", ".a": "static libraries", ".c~": "trash", ".trash": "trash"}
ENDS = tuple(ENDINGS)


def list_globs() -> Globs:
    """Return what tells package managers' lists apart, for one image."""
    return compile_globs(PACKAGE_LISTS)


def count_bystanders(inodes: Iterable[Inode], globs: Globs) -> dict[str, int]:
    """Return the visible bytes of each kind that the layer has."""
    counts: dict[str, int] = {}
    for inode in inodes:
        if inode.alive and inode.size:
            kind = _kind_of_end(inode.name) if inode.name.endswith(ENDS) else globs.claim(inode)
            if kind is not None:
                counts[kind] = counts.get(kind, 0) + inode.size
    return counts


def _kind_of_end(name: str) -> str:
    return next(kind for end, kind in ENDINGS.items() if name.endswith(end))
