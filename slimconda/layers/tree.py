"""Owns overlay accounting: layers of tar members to inodes, each with all of its names and whether any survives."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from sys import intern

from slimconda.layers.headers import DIRECTORY, HARD_LINK, Kind, Member

WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"
META = ".wh..wh."  # AUFS's own entries: neither files nor whiteouts


@dataclass(slots=True, eq=False)
class Inode:
    """What one layer stores once, under one or more names (hard links); `size` in bytes, as Docker counts it.

    `alive` counts the names that no later layer hides; `deleted` says that a later layer's whiteout hid one.
    `packed` is what it takes of a compressed blob, in bytes.
    """

    layer: int
    kind: Kind
    size: int
    target: str = ""
    packed: int = 0
    names: Sequence["Node"] = ()
    alive: int = 0
    deleted: bool = False

    def add_name(self, node: "Node") -> None:
        """Give it one more name; few have more than one, and an image may have millions: no list for those."""
        if isinstance(self.names, list):
            self.names.append(node)
        else:
            self.names = [*self.names, node] if self.names else (node,)
        self.alive += 1

    @property
    def paths(self) -> tuple[str, ...]:
        """Return all names as absolute paths, in the order of the tar."""
        return tuple(f"/{node.path}" for node in self.names)


@dataclass(slots=True, eq=False)
class Node:
    """A name in the tree: a directory where `children` is given, else a name of an inode.

    A directory that is deleted and made again is two nodes: what the first one was says nothing about the second.
    """

    name: str
    parent: "Node | None"
    children: "dict[str, Node] | None" = None
    inode: Inode | None = None
    gone: bool = False

    @property
    def path(self) -> str:
        """Return the path from the root, without a slash before it: made when asked for, a million take 100 MB."""
        names, node = [self.name], self.parent
        while node is not None and node.parent is not None:
            names.append(node.name)
            node = node.parent
        return "/".join(reversed(names))


@dataclass
class Tree:
    """All layers applied so far, lowest first: the merged root, and the inodes of each layer."""

    root: Node = field(default_factory=lambda: Node("", None, {}))
    layers: list[list[Inode]] = field(default_factory=list)

    def apply(self, members: Iterable[Member]) -> None:
        """Put a layer on top. Whiteouts hit lower layers only, wherever in the tar they stand (OCI image spec)."""
        entries, whiteouts, opaques = _sort(members)
        for path in opaques:
            self._remove(path)
        for path in whiteouts:
            self._remove(path)
        self.layers.append(_LayerWriter(self, len(self.layers)).write(_settled(entries)))

    def _remove(self, path: str) -> None:
        node = self.find(path)
        if node is not None and node.parent is not None:
            detach(node, deleted=True)
        elif node is not None:
            for child in list(_children(node).values()):
                detach(child, deleted=True)

    def find(self, path: str) -> Node | None:
        """Return what a path names in the merged tree; symbolic links are not followed."""
        node = self.root
        for part in path.split("/") if path else ():
            if node.children is None or part not in node.children:
                return None
            node = node.children[part]
        return node


def _children(node: Node) -> dict[str, Node]:
    return node.children if node.children is not None else {}


def detach(node: Node, *, deleted: bool) -> None:
    """Take a node and all below it out of the merged tree; each node leaves it once, so the sum stays linear."""
    if node.parent is not None and node.parent.children is not None:
        node.parent.children.pop(node.name, None)
    stack = [node]
    while stack:
        gone = stack.pop()
        gone.gone = True
        if gone.children is not None:
            stack += gone.children.values()
        if gone.inode is not None:
            gone.inode.alive -= 1
            gone.inode.deleted = gone.inode.deleted or deleted


def _sort(members: Iterable[Member]) -> tuple[list[Member], list[str], list[str]]:
    """Return the entries with clean paths, the paths whited out and the paths made opaque."""
    entries, whiteouts, opaques = [], [], []
    for member in members:
        path = normalise(member.path)
        folder, _, name = path.rpartition("/")
        if not name.startswith(WHITEOUT):
            if path:
                entries.append(member if path == member.path else member._replace(path=path))
            continue
        if folder:  # a marker's folder is a directory of this layer, whatever lower layers have there
            entries.append(Member(folder, DIRECTORY, 0, ""))
        if name == OPAQUE:
            opaques.append(folder)
        elif not name.startswith(META) and name[len(WHITEOUT) :] not in {"", ".", ".."}:
            whiteouts.append(f"{folder}/{name[len(WHITEOUT) :]}".lstrip("/"))
    return entries, whiteouts, opaques


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


def _settled(entries: list[Member]) -> list[Member]:
    """Return what a layer holds in the end, where it has a folder and something else at one path: the last one wins.

    No builder writes such a layer; but what stood there for a moment must not hide what lower layers have below it.
    """
    folders = {member.path for member in entries if member.kind is DIRECTORY}
    for folder in {member.path.rpartition("/")[0] for member in entries} - folders:
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]  # noqa: PLW2901
    mixed = not folders.isdisjoint([member.path for member in entries if member.kind is not DIRECTORY])
    return list(_replayed(entries)) if mixed else entries


def _replayed(entries: list[Member]) -> Iterator[Member]:
    alone = Tree()
    inodes = _LayerWriter(alone, 0).write(entries)
    stack = [alone.root]
    while stack:
        folder = stack.pop()
        yield Member(folder.path, DIRECTORY, 0, "")
        stack += [child for child in _children(folder).values() if child.children is not None]
    for inode in inodes:
        first, *others = (node.path for node in inode.names)
        yield Member(first, inode.kind, inode.size, inode.target, inode.packed)
        yield from (Member(other, HARD_LINK, 0, first) for other in others)


class _LayerWriter:
    """Puts the entries of one layer into the tree."""

    def __init__(self, tree: Tree, layer: int) -> None:
        self.tree, self.layer = tree, layer
        self.inodes: list[Inode] = []
        self.folders: dict[str, Node] = {"": tree.root}

    def write(self, entries: list[Member]) -> list[Inode]:
        """Return the inodes that the layer stores; the list is emptied, so that each member's memory is free again."""
        early = []
        entries.reverse()
        while entries:
            member = entries.pop()
            if not self._write(member):
                early.append(member)
        for member in early:
            self._write_early(member, {other.path: other.target for other in early})
        for inode in self.inodes:
            if inode.alive != len(inode.names):
                inode.names = tuple(node for node in inode.names if not node.gone)
                inode.deleted = False
        return [inode for inode in self.inodes if inode.names]

    def _write(self, member: Member) -> bool:
        """Place a member; False for a hard link that stands before its target."""
        if member.kind is DIRECTORY:
            self._folder(member.path)
        elif member.kind is not HARD_LINK:
            self._place(member.path, self._inode(member))
        else:
            target = self._own_inode(normalise(member.target))
            if target is None:
                return False
            self._place(member.path, target)
        return True

    def _own_inode(self, path: str) -> Inode | None:
        """Return what this layer has at a path."""
        node = self.tree.find(path)
        return node.inode if node is not None and node.inode is not None and node.inode.layer == self.layer else None

    def _write_early(self, member: Member, early: dict[str, str]) -> None:
        """Place a hard link whose target came later, perhaps over other links; without a target it stores nothing."""
        seen, path = {member.path}, normalise(member.target)
        while path in early and path not in seen and self._own_inode(path) is None:
            seen.add(path)
            path = normalise(early[path])
        target = self._own_inode(path)
        self._place(member.path, self._inode(member) if target is None else target)

    def _inode(self, member: Member) -> Inode:
        inode = Inode(self.layer, member.kind, member.size, member.target, member.packed)
        self.inodes.append(inode)
        return inode

    def _place(self, path: str, inode: Inode) -> None:
        parent, _, name = path.rpartition("/")
        folder = self._folder(parent)
        children = folder.children if folder.children is not None else {}
        if (known := children.get(name)) is not None:
            if known.inode is inode:
                return
            detach(known, deleted=False)
        name = intern(name)
        children[name] = node = Node(name, folder, None, inode)
        if inode.names:
            inode.add_name(node)
        else:
            inode.names, inode.alive = (node,), 1

    def _folder(self, path: str) -> Node:
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

    def _child_folder(self, parent: Node, path: str) -> Node:
        children, name = _children(parent), path.rpartition("/")[2]
        node = children.get(name)
        if node is None or node.children is None:
            if node is not None:
                detach(node, deleted=False)
            node = children[intern(name)] = Node(intern(name), parent, {})
        return node


def all_nodes(tree: Tree) -> Iterator[Node]:
    """Yield each name that any layer stores, also those hidden by later ones; directories are their parents."""
    for inodes in tree.layers:
        for inode in inodes:
            yield from inode.names
