"""Owns the trap of soft-linked environments: which inodes in caches a live symbolic link from outside points to."""

from collections.abc import Iterator

from slimconda.layers.caches import Caches
from slimconda.layers.tar import Kind
from slimconda.layers.tree import Inode, Node, Tree

MOST_LINKS = 40  # as Linux allows in one path
LONGEST_TARGET = 4096  # PATH_MAX


def soft_linked(tree: Tree, caches: Caches) -> set[Inode]:
    """Return the inodes in caches that links from outside need, among them links that lead on to others."""
    needed: set[Inode] = set()
    if not caches.marks:
        return needed
    folders: set[Node] = set()
    for link in _links_outside(tree, caches):
        for node in _followed(tree, link):
            if node.inode is not None and caches.place(node):
                needed.add(node.inode)
            elif node.children is not None and node not in folders and caches.place_below(node):
                folders.add(node)
                needed.update(_inodes_below(node))
    return needed


def _links_outside(tree: Tree, caches: Caches) -> Iterator[Node]:
    for inodes in tree.layers:
        for inode in inodes:
            if inode.kind is Kind.SYMLINK and inode.alive:
                yield from (node for node in inode.names if not node.gone and not caches.place(node))


def _followed(tree: Tree, link: Node) -> Iterator[Node]:
    """Yield each further link on the way from a link to its end, and the end; nothing for a dangling one."""
    passed = [link]
    node, parts = _start(tree, link)
    while parts and node is not None:
        node = _step(node, parts.pop())
        if node is None or node.inode is None or node.inode.kind is not Kind.SYMLINK:
            continue
        passed.append(node)
        if len(passed) > MOST_LINKS:
            return
        node, more = _start(tree, node)
        parts += more
    if node is not None:
        yield from (*passed[1:], node)


def _start(tree: Tree, link: Node) -> tuple[Node | None, list[str]]:
    """Return the folder where a link's target begins, and the target's parts, last one first."""
    target = link.inode.target if link.inode is not None else ""
    if len(target) > LONGEST_TARGET:
        return None, []
    return tree.root if target.startswith("/") else link.parent, target.split("/")[::-1]


def _step(node: Node, part: str) -> Node | None:
    if part in {"", "."}:
        return node
    if part == "..":
        return node.parent or node
    return node.children.get(part) if node.children is not None else None


def _inodes_below(folder: Node) -> Iterator[Inode]:
    stack = [folder]
    while stack:
        node = stack.pop()
        if node.inode is not None:
            yield node.inode
        stack += (node.children or {}).values()
