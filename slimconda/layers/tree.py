"""Owns overlay accounting: layers of tar members to inodes, each with all of its names and whether any survives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from sys import intern

from slimconda.errors import ImageError
from slimconda.layers.columns import Entry
from slimconda.layers.headers import DIRECTORY, HARD_LINK, Kind
from slimconda.layers.nodes import Folder, Inode, Node, detach, find

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
META = ".wh..wh."  # AUFS's own entries: neither files nor whiteouts
# What the folders that names lead through, and no member states, may take of memory, about: a name of 4 kB, which
# takes some bytes of a compressed blob, makes 2,000 of them, and tars of real layers state theirs.
LARGEST_IMPLIED, FOLDER_BYTES = 256 << 20, 300


@dataclass
class Tree:
    """All layers applied so far, lowest first: the merged root, and the inodes of each layer."""

    root: Folder = field(default_factory=lambda: Folder("", None))
    layers: list[list[Inode]] = field(default_factory=list)
    _implied: int = 0

    def apply(self, entries: Iterable[Entry]) -> None:
        """Put a layer on top. Whiteouts hit lower layers only, wherever in the tar they stand (OCI image spec).

        Raises ImageError where its names make too many folders.

        The entries are taken one by one into a tree of the layer alone, where the last of a path wins: what stood there
        for a moment hides nothing of lower layers.
        """
        writer = _LayerWriter(len(self.layers), self._implied)
        self.layers.append(writer.write(entries))
        self._implied = writer.implied
        for path in (*writer.emptied, *writer.removed):
            self._remove(path)
        self._merge(writer.root)

    def _merge(self, root: Folder) -> None:
        """Move the names of a tree into this one, over what has them here; folders that both have become one."""
        waiting = [(root, self.root)]
        while waiting:
            upper, folder = waiting.pop()
            for name, child in upper.children.items():
                known = folder.children.get(name)
                if isinstance(known, Folder) and isinstance(child, Folder):
                    waiting.append((child, known))
                    continue
                if known is not None:
                    detach(folder, name, deleted=False)
                folder.children[name] = child
                if isinstance(child, Folder):
                    child.parent = folder
                else:
                    child.move(upper, folder)

    def _remove(self, path: str) -> None:
        node = self.find(path)
        if node is not None and node.parent is not None:
            detach(node.parent, node.name, deleted=True)
        elif isinstance(node, Folder):
            for name in list(node.children):
                detach(node, name, deleted=True)

    def find(self, path: str) -> Node | None:
        """Return what a path names in the merged tree; symbolic links are not followed."""
        return find(self.root, path)


def normalise(path: str) -> str:
    """Return the path as Docker reads it: relative to the image's root, and never above it."""
    if "//" not in path and "/." not in path and path[:1] not in {"/", "."} and path[-1:] != "/":
        return path
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return "/".join(parts)


class _LayerWriter:
    """Makes the tree of one layer alone; `removed` and `emptied` are the paths whited out and those made opaque.

    `implied` is what the folders that no member states take, about, those of lower layers included.
    """

    def __init__(self, layer: int, implied: int) -> None:
        self.root = Folder("", None)
        self.removed, self.emptied = list[str](), list[str]()
        self._layer = layer
        self._inodes: list[Inode] = []
        self._folders: dict[str, Folder] = {"": self.root}  # by path, also as the tar writes it
        self._replaced, self.implied = False, implied

    def write(self, entries: Iterable[Entry]) -> list[Inode]:
        """Return the inodes that the layer stores."""
        early = [entry for entry in entries if not (self._write_plainly(*entry) or self._write(entry))]
        targets = {normalise(path): target for path, _, _, target, _ in early}
        for entry in early:
            self._write_early(entry, targets)
        return self._left() if self._replaced else self._inodes

    def _left(self) -> list[Inode]:
        """Return the inodes that still have a name, with just the names that they still have."""
        for inode in self._inodes:
            if inode.alive and inode.alive != len(inode.pairs):
                # A name that was taken away and given again stands where it was given last.
                left = dict.fromkeys(name for name in reversed(inode.names) if not name.gone)
                inode.keep(list(reversed(left)))
        return [inode for inode in self._inodes if inode.alive]

    def _write_plainly(self, path: str, kind: Kind, size: int, target: str, packed: int) -> bool:
        """Place a new name in a known folder, as most entries are; False for all others."""
        parent, _, name = path.rpartition("/")
        folder = self._folders.get(parent)
        # Whiteouts and hidden files begin with a dot, the last character before the slash; directories may end in one.
        if folder is None or folder.gone or name < "/" or name in folder.children or kind is DIRECTORY:
            return False
        if kind is not HARD_LINK:
            name = intern(name)
            stored = Inode(self._layer, kind, size, target, packed, folder, name)
            self._inodes.append(stored)
        elif (linked := self._own_inode(target)) is not None:
            stored, name = linked, linked.name if linked.name == name else intern(name)
            stored.add_name(folder, name)
        else:
            return False
        folder.children[name] = stored
        return True

    def _write(self, entry: Entry) -> bool:
        """Place what an entry says; False for a hard link that stands before its target."""
        path = normalise(entry[0])
        parent, _, name = path.rpartition("/")
        if name.startswith(WHITEOUT):
            self._white_out(parent, name)
        elif entry[1] is DIRECTORY or not path:
            self._folder(path)
        elif entry[1] is not HARD_LINK:
            self._place(path, entry)
        elif (target := self._own_inode(normalise(entry[3]))) is not None:
            self._place(path, target)
        else:
            return False
        if entry[0].endswith(f"/{name}"):
            self._folders[entry[0][: -len(name) - 1]] = self._folder(parent)
        return True

    def _white_out(self, folder: str, name: str) -> None:
        if folder:  # a marker's folder is a directory of this layer, whatever lower layers have there
            self._folder(folder)
        if name == OPAQUE:
            self.emptied.append(folder)
        elif not name.startswith(META) and name[len(WHITEOUT) :] not in {"", ".", ".."}:
            self.removed.append(f"{folder}/{name[len(WHITEOUT) :]}".lstrip("/"))

    def _own_inode(self, path: str) -> Inode | None:
        """Return what this layer has at a path."""
        parent, _, name = path.rpartition("/")
        folder = self._folders.get(parent)
        child = folder.children.get(name) if folder is not None and not folder.gone else None
        return child if isinstance(child, Inode) else None

    def _write_early(self, entry: Entry, early: dict[str, str]) -> None:
        """Place a hard link whose target came later, perhaps over other links; without a target it stores nothing."""
        own, path = normalise(entry[0]), normalise(entry[3])
        seen = {own}
        while path in early and path not in seen and self._own_inode(path) is None:
            seen.add(path)
            path = normalise(early[path])
        target = self._own_inode(path)
        self._place(own, entry if target is None else target)

    def _place(self, path: str, stored: Inode | Entry) -> None:
        """Give a path to an inode, or to a new one of what an entry stores."""
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        if (known := folder.children.get(name)) is not None:
            if known is stored:
                return
            self._detach(folder, name)
        name = intern(name)
        if isinstance(stored, Inode):
            stored.add_name(folder, name)
        else:
            stored = Inode(self._layer, *stored[1:], folder, name)
            self._inodes.append(stored)
        folder.children[name] = stored

    def _detach(self, folder: Folder, name: str) -> None:
        detach(folder, name, deleted=False)
        self._replaced = True

    def _folder(self, path: str) -> Folder:
        """Return the directory at a path, made where it is missing or something else stands there."""
        known = self._folders.get(path)
        if known is not None and not known.gone:
            return known
        missing = [path]
        while (known := self._folders.get(path := path.rpartition("/")[0])) is None or known.gone:
            missing.append(path)
        self._allow(missing[1:])
        for path in reversed(missing):
            known = self._folders[path] = self._child_folder(known, path)
        return known

    def _allow(self, implied: list[str]) -> None:
        self.implied += sum(len(path) + FOLDER_BYTES for path in implied)
        if self.implied > LARGEST_IMPLIED:
            raise ImageError(f"layer {self._layer} has names that lead through too many folders")

    def _child_folder(self, parent: Folder, path: str) -> Folder:
        name = intern(path.rpartition("/")[2])
        child = parent.children.get(name)
        if not isinstance(child, Folder):
            if child is not None:
                self._detach(parent, name)
            child = parent.children[name] = Folder(name, parent)
        return child


def all_names(tree: Tree) -> Iterator[tuple[Folder, str]]:
    """Yield the folder and the name of each name that any layer stores, also those hidden by later ones."""
    for inodes in tree.layers:
        for inode in inodes:
            yield from inode.pairs
