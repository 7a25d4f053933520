"""Owns what a walk asks a place about: who claims names in a folder, and what more is to be seen of its files."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol


class Claims(Protocol):
    """Who claims the names in a folder: by name, the number of the label of a package."""

    def get(self, name: str, /) -> int | None:
        """Return the number, or None."""


class Area(Protocol):
    """The labels of packages in a folder."""

    @property
    def numbers(self) -> Mapping[int, int]:
        """Return those that were asked for before."""

    def number(self, package: int) -> int:
        """Return one."""


class Look(NamedTuple):
    """What a zone knows of one folder.

    `here` are the labels of packages in this folder, by number; `plain` is the label of what nobody claims, `folder`
    that of the folder itself.
    """

    plain: int
    folder: int
    claims: Claims
    here: Area | None = None

    def label(self, owner: int | None) -> int:
        """Return the label of what a package owns in this folder, or nobody does."""
        if owner is None:
            return self.plain
        if self.here is None:
            return owner
        return self.here.numbers.get(owner) or self.here.number(owner)


class Zone(Protocol):
    """What says which label a name has; it holds for a folder and all below it, until `enter` returns another."""

    @property
    def times(self) -> Mapping[int, float]:
        """Return when the packages of labels were installed."""

    @property
    def environment(self) -> bool:
        """Tell whether it is an environment, whose soft links may need what they point to."""

    @property
    def extents(self) -> bool:
        """Tell whether the file system can say which bytes of a file other files share."""

    def look(self, path: str) -> Look:
        """Return what is known of a folder."""

    def enter(self, path: str) -> "Zone | None":
        """Return the zone of a folder below, None for a home of its own, which is walked by itself."""
