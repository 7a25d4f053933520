"""Owns overlay accounting: layers of tar members to inodes, each with all of its names and whether any survives."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from sys import intern

from slimconda.layers.headers import DIRECTORY, HARD_LINK, Member
from slimconda.layers.nodes import Folder, Inode, Node, detach, find

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
META = ".wh..wh."  # AUFS's own entries: neither files nor whiteouts


@dataclass
class Tree:
    """All layers applied so far, lowest first: the merged root, and the inodes of each layer."""

    root: Folder = field(default_factory=lambda: Folder("", None))
    layers: list[list[Inode]] = field(default_factory=list)

    def apply(self, members: Iterable[Member]) -> None:
        """Put a layer on top. Whiteouts hit lower layers only, wherever in the tar they stand (OCI image spec).

        The members are taken one by one into a tree of the layer alone, where the last of a path wins: what stood there
        for a moment hides nothing of lower layers.
        """
        removed, emptied = list[str](), list[str]()
        root = Folder("", None)
        inodes = _LayerWriter(root, len(self.layers)).write(_entries(members, removed, emptied))
        for path in (*emptied, *removed):
            self._remove(path)
        moved = self._merge(root)
        for inode in inodes:
            inode.move(moved)
        self.layers.append(inodes)

    def _merge(self, root: Folder) -> dict[Folder, Folder]:
        """Move the names of a tree into this one, over what has them here.

        Folders that both have become one: returns which took the place of which.
        """
        moved, waiting = {root: self.root}, [root]
        while waiting:
            upper = waiting.pop()
            folder = moved[upper]
            for name, child in upper.children.items():
                known = folder.children.get(name)
                if isinstance(known, Folder) and isinstance(child, Folder):
                    moved[child] = known
                    waiting.append(child)
                    continue
                if known is not None:
                    detach(folder, name, deleted=False)
                folder.children[name] = child
                if isinstance(child, Folder):
                    child.parent = folder
        return moved

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


def _entries(members: Iterable[Member], removed: list[str], emptied: list[str]) -> Iterator[Member]:
    """Yield the entries with clean paths, and note the paths whited out and the paths made opaque."""
    for member in members:
        path = normalise(member.path)
        folder, _, name = path.rpartition("/")
        if not name.startswith(WHITEOUT):
            if path:
                yield member if path == member.path else member._replace(path=path)
            continue
        if folder:  # a marker's folder is a directory of this layer, whatever lower layers have there
            yield Member(folder, DIRECTORY, 0, "")
        if name == OPAQUE:
            emptied.append(folder)
        elif not name.startswith(META) and name[len(WHITEOUT) :] not in {"", ".", ".."}:
            removed.append(f"{folder}/{name[len(WHITEOUT) :]}".lstrip("/"))


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
    """Makes the tree of one layer alone."""

    def __init__(self, root: Folder, layer: int) -> None:
        self.layer = layer
        self.inodes: list[Inode] = []
        self.folders: dict[str, Folder] = {"": root}

    def write(self, entries: Iterable[Member]) -> list[Inode]:
        """Return the inodes that the layer stores."""
        early = [member for member in entries if not self._write(member)]
        targets = {member.path: member.target for member in early}
        for member in early:
            self._write_early(member, targets)
        for inode in self.inodes:
            if inode.alive and inode.alive != len(inode.pairs):
                # A name that was taken away and given again stands where it was given last.
                left = dict.fromkeys(name for name in reversed(inode.names) if not name.gone)
                inode.keep(list(reversed(left)))
        return [inode for inode in self.inodes if inode.alive]

    def _write(self, member: Member) -> bool:
        """Place a member; False for a hard link that stands before its target."""
        if member.kind is DIRECTORY:
            self._folder(member.path)
        elif member.kind is not HARD_LINK:
            self._place(member.path, member)
        else:
            target = self._own_inode(normalise(member.target))
            if target is None:
                return False
            self._place(member.path, target)
        return True

    def _own_inode(self, path: str) -> Inode | None:
        """Return what this layer has at a path."""
        parent, _, name = path.rpartition("/")
        folder = self.folders.get(parent)
        child = folder.children.get(name) if folder is not None and not folder.gone else None
        return child if isinstance(child, Inode) else None

    def _write_early(self, member: Member, early: dict[str, str]) -> None:
        """Place a hard link whose target came later, perhaps over other links; without a target it stores nothing."""
        seen, path = {member.path}, normalise(member.target)
        while path in early and path not in seen and self._own_inode(path) is None:
            seen.add(path)
            path = normalise(early[path])
        target = self._own_inode(path)
        self._place(member.path, member if target is None else target)

    def _place(self, path: str, stored: Inode | Member) -> None:
        """Give a path to an inode, or to a new one of what a member stores."""
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        if (known := folder.children.get(name)) is not None:
            if known is stored:
                return
            detach(folder, name, deleted=False)
        name = intern(name)
        if isinstance(stored, Inode):
            stored.add_name(folder, name)
        else:
            stored = Inode(self.layer, stored.kind, stored.size, stored.target, stored.packed, folder, name)
            self.inodes.append(stored)
        folder.children[name] = stored

    def _folder(self, path: str) -> Folder:
        """Return the directory at a path, made where it is missing or something else stands there."""
        known = self.folders.get(path)
        if known is not None and not known.gone:
            return known
        missing = [path]
        while (known := self.folders.get(path := path.rpartition("/")[0])) is None or known.gone:
            missing.append(path)
        for path in reversed(missing):
            known = self.folders[path] = self._child_folder(known, path)
        return known

    def _child_folder(self, parent: Folder, path: str) -> Folder:
        name = intern(path.rpartition("/")[2])
        child = parent.children.get(name)
        if not isinstance(child, Folder):
            if child is not None:
                detach(parent, name, deleted=False)
            child = parent.children[name] = Folder(name, parent)
        return child


def all_names(tree: Tree) -> Iterator[tuple[Folder, str]]:
    """Yield the folder and the name of each name that any layer stores, also those hidden by later ones."""
    for inodes in tree.layers:
        for inode in inodes:
            yield from inode.pairs
