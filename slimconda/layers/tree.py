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
        """Put a layer on top. Whiteouts hit lower layers only, wherever in the tar they stand (OCI image spec).

        The members are taken one by one into a tree of the layer alone, where the last of a path wins: what stood there
        for a moment hides nothing of lower layers.
        """
        removed, emptied = list[str](), list[str]()
        root = Node("", None, {})
        inodes = _LayerWriter(root, len(self.layers)).write(_entries(members, removed, emptied))
        for path in (*emptied, *removed):
            self._remove(path)
        self._merge(root)
        self.layers.append(inodes)

    def _merge(self, root: Node) -> None:
        """Move the names of a tree into this one, over what has them here; folders that both have become one."""
        pairs = [(self.root, root)]
        while pairs:
            folder, upper = pairs.pop()
            children = _children(folder)
            for name, node in _children(upper).items():
                known = children.get(name)
                if known is not None and known.children is not None and node.children is not None:
                    pairs.append((known, node))
                    continue
                if known is not None:
                    detach(known, deleted=False)
                node.parent, children[name] = folder, node

    def _remove(self, path: str) -> None:
        node = self.find(path)
        if node is not None and node.parent is not None:
            detach(node, deleted=True)
        elif node is not None:
            for child in list(_children(node).values()):
                detach(child, deleted=True)

    def find(self, path: str) -> Node | None:
        """Return what a path names in the merged tree; symbolic links are not followed."""
        return _find(self.root, path)


def _find(root: Node, path: str) -> Node | None:
    node = root
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

    def __init__(self, root: Node, layer: int) -> None:
        self.root, self.layer = root, layer
        self.inodes: list[Inode] = []
        self.folders: dict[str, Node] = {"": root}

    def write(self, entries: Iterable[Member]) -> list[Inode]:
        """Return the inodes that the layer stores."""
        early = [member for member in entries if not self._write(member)]
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
        node = _find(self.root, path)
        return node.inode if node is not None else None

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
