"""Owns what the tree of an image is made of: folders, inodes, and the names that these have."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from slimconda.layers.headers import Kind


@dataclass(slots=True, eq=False)
class Inode:
    """What one layer stores once, under one or more names (hard links); `size` in bytes, as Docker counts it.

    `folder` and `name` are its first name's.
    `alive` counts the names that no later layer hides; `deleted` says that a later layer's whiteout hid one.
    `packed` is what it takes of a compressed blob, in bytes.
    """

    layer: int
    kind: Kind
    size: int
    target: str
    packed: int
    folder: "Folder"
    name: str
    # Further names: a folder that has it under the same name, as conda links, else folder, name, folder, name ...
    _others: "Folder | tuple[Any, ...] | list[Any]" = ()
    alive: int = 1
    deleted: bool = False

    def add_name(self, folder: "Folder", name: str) -> None:
        """Give it one more name."""
        self.alive += 1
        if isinstance(self._others, list):
            self._others += (folder, name)
        elif self._others != ():
            self._others = [*self._flat_others(), folder, name]
        else:
            self._others = folder if name == self.name else (folder, name)

    def _flat_others(self) -> "Sequence[Any]":
        return (self._others, self.name) if isinstance(self._others, Folder) else self._others

    @property
    def pairs(self) -> "tuple[tuple[Folder, str], ...]":
        """Return the folder and the name there of each name: plain tuples, since a Name costs several times as much."""
        others = self._others
        if others == ():
            return ((self.folder, self.name),)
        if isinstance(others, Folder):
            return (self.folder, self.name), (others, self.name)
        return (self.folder, self.name), *zip(others[::2], others[1::2], strict=True)

    @property
    def names(self) -> "tuple[Name, ...]":
        """Return all names, in the order of the tar."""
        return tuple(Name(name, folder, self) for folder, name in self.pairs)

    @property
    def is_linked(self) -> bool:
        """Tell whether it has several names."""
        return self._others != ()

    @property
    def path(self) -> str:
        """Return its first name as an absolute path."""
        return f"/{self.folder.path}/{self.name}" if self.folder.parent else f"/{self.name}"

    @property
    def paths(self) -> tuple[str, ...]:
        """Return all names as absolute paths, in the order of the tar."""
        return tuple(f"/{folder.path}/{name}" if folder.parent else f"/{name}" for folder, name in self.pairs)

    def keep(self, names: "Sequence[Name]") -> None:
        """Take other names than it had, at least one; they are all alive."""
        self.folder, self.name = names[0].parent, names[0].name
        self._others, self.alive = (), 1
        for name in names[1:]:
            self.add_name(name.parent, name.name)

    def move(self, folder: "Folder", taken_by: "Folder") -> None:
        """Let its names that lie in one folder lie in another, which took the place of that."""
        if self.folder is folder:
            self.folder = taken_by
        if self._others is folder:
            self._others = taken_by
        elif isinstance(self._others, (tuple, list)) and folder in self._others[::2]:
            self._others = [taken_by if part is folder else part for part in self._others]


@dataclass(slots=True, eq=False)
class Folder:
    """A directory in the tree: its children are folders, and by each other name the inode that it names.

    One that is deleted and made again is two folders: what the first one was says nothing about the second.
    """

    name: str
    parent: "Folder | None"
    children: "dict[str, Folder | Inode]" = field(default_factory=dict)
    gone: bool = False

    @property
    def path(self) -> str:
        """Return the path from the root, without a slash before it: made when asked for, a million take 100 MB."""
        names, folder = list[str](), self
        while folder.parent is not None:
            names.append(folder.name)
            folder = folder.parent
        return "/".join(reversed(names))


class Name(NamedTuple):
    """A name of an inode, in a folder; made when asked for, since a million that stay take 100 MB."""

    name: str
    parent: Folder
    inode: Inode

    @property
    def gone(self) -> bool:
        """Tell whether a later layer hides it."""
        return self.parent.gone or self.parent.children.get(self.name) is not self.inode

    @property
    def path(self) -> str:
        """Return the path from the root, without a slash before it."""
        folder = self.parent.path
        return f"{folder}/{self.name}" if folder else self.name


Node = Folder | Name


def find(root: Folder, path: str) -> Node | None:
    """Return what a path below a folder names; symbolic links are not followed."""
    folder, name = root, ""
    found: Folder | Inode = root
    for part in path.split("/") if path else ():
        if not isinstance(found, Folder) or part not in found.children:
            return None
        folder, name, found = found, part, found.children[part]
    return found if isinstance(found, Folder) else Name(name, folder, found)


def detach(folder: Folder, name: str, *, deleted: bool) -> None:
    """Take a child and all below it out of the merged tree; each name leaves it once, so the sum stays linear."""
    stack = [folder.children.pop(name)]
    while stack:
        gone = stack.pop()
        if isinstance(gone, Folder):
            gone.gone = True
            stack += gone.children.values()
        else:
            gone.alive -= 1
            gone.deleted = gone.deleted or deleted
