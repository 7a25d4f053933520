"""Owns the trap of soft-linked environments: which inodes in caches a live symbolic link from outside points to."""

from collections.abc import Iterator

from slimconda.layers.caches import Caches
from slimconda.layers.nodes import Folder, Inode, Name, Node, find
from slimconda.layers.tar import Kind
from slimconda.layers.tree import Tree

MOST_LINKS = 40  # as Linux allows in one path
LONGEST_TARGET = 4096  # PATH_MAX


def soft_linked(tree: Tree, caches: Caches) -> set[Inode]:
    """Return the inodes in caches that links from outside need, among them links that lead on to others."""
    needed: set[Inode] = set()
    if not caches.marks:
        return needed
    folders: set[Folder] = set()
    for link in _links_outside(tree, caches):
        for node in _followed(tree, link):
            if isinstance(node, Name):
                if caches.place(node):
                    needed.add(node.inode)
            elif node not in folders and caches.place_below(node):
                folders.add(node)
                needed.update(_inodes_below(node))
    return needed


def _links_outside(tree: Tree, caches: Caches) -> Iterator[Name]:
    for inodes in tree.layers:
        for inode in inodes:
            if inode.kind is Kind.SYMLINK and inode.alive:
                yield from (node for node in inode.names if not node.gone and not caches.place(node))


def _followed(tree: Tree, link: Name) -> Iterator[Node]:
    """Yield each further link on the way from a link to its end, and the end; nothing for a dangling one."""
    passed = [link]
    node: Node | None
    node, parts = _start(tree, link)
    while parts and node is not None:
        node = _step(node, parts.pop())
        if not isinstance(node, Name) or node.inode.kind is not Kind.SYMLINK:
            continue
        passed.append(node)
        if len(passed) > MOST_LINKS:
            return
        node, more = _start(tree, node)
        parts += more
    if node is not None:
        yield from (*passed[1:], node)


def _start(tree: Tree, link: Name) -> tuple[Node | None, list[str]]:
    """Return the folder where a link's target begins, and the target's parts, last one first."""
    target = link.inode.target
    if len(target) > LONGEST_TARGET:
        return None, []
    return tree.root if target.startswith("/") else link.parent, target.split("/")[::-1]


def _step(node: Node, part: str) -> Node | None:
    if part in {"", "."}:
        return node
    if part == "..":
        return node.parent or node
    return find(node, part) if isinstance(node, Folder) else None


def _inodes_below(folder: Folder) -> Iterator[Inode]:
    stack = [folder]
    while stack:
        for child in stack.pop().children.values():
            if isinstance(child, Folder):
                stack.append(child)
            else:
                yield child
