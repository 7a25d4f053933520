"""Owns globs of paths in an image: which rule or kind claims a name, asked once per folder where that is enough."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from slimconda.layers.nodes import Folder, Inode

WHOLE_FOLDER, ANYWHERE = "/**", "**/"
ANY_NAME = re.compile(r"\*\*/(?!\*\*$)[^/]+")  # such globs look at a name alone, which is cheaper than at its path

ANY_END = re.compile(r"\*[^*?]+")


@dataclass(frozen=True)
class Globs:
    """Globs by the name of what they claim: `**` stands for any folders, `*` and `?` for a part of one name."""

    _folders: tuple[tuple[str, "re.Pattern[str]"], ...]
    _ends: tuple[tuple[str, str], ...]  # `**/*.a`: what a name ends in tells, which costs least
    _names: tuple[tuple[str, "re.Pattern[str]"], ...]
    _files: tuple[tuple[str, "re.Pattern[str]"], ...]
    _claims: dict[Folder, str | None] = field(default_factory=dict, repr=False)

    @cached_property
    def _any_folder(self) -> "re.Pattern[str]":
        return re.compile("|".join(f"(?:{pattern.pattern})" for _, pattern in self._folders))

    @cached_property
    def _all_ends(self) -> tuple[str, ...]:
        return tuple(end for _, end in self._ends)

    def claim(self, inode: Inode) -> str | None:
        """Return who claims all names of an inode, if it is one: a hard link from elsewhere makes it needed there."""
        found = self._claim_name(inode.folder, inode.name)
        if found is None or not inode.is_linked:
            return found
        return found if all(self._claim_name(folder, name) == found for folder, name in inode.pairs) else None

    def _claim_name(self, folder: Folder, name: str) -> str | None:
        claimed = self._claims[folder] if folder in self._claims else self._claim_below(folder)
        if claimed is not None:
            return claimed
        if self._all_ends and name.endswith(self._all_ends):
            return next(rule for rule, end in self._ends if name.endswith(end))
        return self._claim_by_pattern(folder, name) if self._names or self._files else None

    def _claim_by_pattern(self, folder: Folder, name: str) -> str | None:
        claimed = next((rule for rule, pattern in self._names if pattern.fullmatch(name)), None)
        if claimed is not None or not self._files:
            return claimed
        path = f"{folder.path}/{name}".lstrip("/")
        return next((rule for rule, pattern in self._files if pattern.fullmatch(path)), None)

    def _claim_below(self, folder: Folder) -> str | None:
        passed: list[Folder] = []
        above: Folder | None = folder
        while above is not None and above not in self._claims:
            passed.append(above)
            above = above.parent
        found = self._claims[above] if above is not None else None
        for below in reversed(passed):
            found = found or self._claim_folder(below.path)
            self._claims[below] = found
        return found

    def _claim_folder(self, path: str) -> str | None:
        if not self._folders or not self._any_folder.fullmatch(path):
            return None
        return next(name for name, pattern in self._folders if pattern.fullmatch(path))


def compile_globs(globs: Mapping[str, Sequence[str]]) -> Globs:
    """Return the globs by the name of what they claim, for one image."""
    pairs = [(name, _collapsed(glob.lstrip("/"))) for name, several in globs.items() for glob in several]
    folders = [(name, glob.removesuffix(WHOLE_FOLDER)) for name, glob in pairs if glob.endswith(WHOLE_FOLDER)]
    files = [(name, glob) for name, glob in pairs if not glob.endswith(WHOLE_FOLDER)]
    anywhere = [(name, glob.removeprefix(ANYWHERE)) for name, glob in files if ANY_NAME.fullmatch(glob)]
    ends = [(name, glob.removeprefix("*")) for name, glob in anywhere if ANY_END.fullmatch(glob)]
    return Globs(
        tuple((name, re.compile(_pattern(glob))) for name, glob in folders),
        tuple(ends),
        tuple((name, re.compile(_pattern(glob))) for name, glob in anywhere if not ANY_END.fullmatch(glob)),
        tuple((name, re.compile(_pattern(glob))) for name, glob in files if not ANY_NAME.fullmatch(glob)),
    )


def _collapsed(glob: str) -> str:
    """Return a glob in which no `**` follows another: together they say no more than one."""
    return re.sub(r"(?<![^/])\*\*(?:/\*\*)+(?![^/])", "**", glob)


def _pattern(glob: str) -> str:
    """Return a regular expression without nested repeats, so that no path takes it long."""
    parts = [part for part in glob.split("/") if part]
    return "".join(_part(part, last=index == len(parts) - 1) for index, part in enumerate(parts))


def _part(part: str, *, last: bool) -> str:
    if part == "**":
        return ".*" if last else "(?:.*/)?"
    text = re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
    # A name is never empty, as the path of the image's root is.
    return f"(?=[^/]){text}" if last else f"(?=[^/]){text}/"
