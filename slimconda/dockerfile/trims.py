"""Owns commands that trim files out of environments: which folder they trim, and what they delete there.

Source: conda's own packages, where static libraries, source maps, headers and tests are files of a package, so that
the package cache holds a hard link to each; bytecode may be the environment's own.
"""

import posixpath
import re
from dataclasses import dataclass

from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.stages import Context
from slimconda.dockerfile.stores import settled
from slimconda.dockerfile.wrappers import unwrapped

PACKAGED = re.compile(r"\*?\.(?:a|js\.map|h|hpp|la|rst|md)|tests?|testing|examples?|docs?|man|include|gtk-doc")
TESTS = frozenset({"-name", "-iname"})


@dataclass(frozen=True)
class Trim:
    """A command that deletes packaged files below `folder`."""

    command: ShellCommand
    folder: str


def read_trim(command: ShellCommand, context: Context) -> Trim | None:
    """Return what a `find ... -delete` or an `rm` of packaged files trims; None for all else."""
    words = [word.text for word in command.words[unwrapped(command) :]]
    program = posixpath.basename(words[0]) if words else ""
    if program == "find" and {"-delete", "rm"} & set(words):
        return _found(command, words[1:], context)
    if program == "rm":
        return _removed(command, [word for word in words[1:] if not word.startswith("-")], context)
    return None


def _found(command: ShellCommand, words: list[str], context: Context) -> Trim | None:
    start = next((n for n, word in enumerate(words) if re.match(r"[-(!]", word) and word not in {"-L", "-H", "-P"}), 0)
    folders = [word for word in words[:start] if not word.startswith("-")]
    names = [words[n + 1] for n, word in enumerate(words[:-1]) if word in TESTS]
    packaged = bool(names) and any(PACKAGED.fullmatch(name) for name in names)
    if len(folders) != 1 or not packaged or "!" in words or "-not" in words:
        return None
    return Trim(command, settled(folders[0], context))


def _removed(command: ShellCommand, operands: list[str], context: Context) -> Trim | None:
    paths = [settled(operand, context) for operand in operands]
    packaged = [path for path in paths if PACKAGED.fullmatch(posixpath.basename(path))]
    folders = {re.split(r"/[^/]*[*?\[{]", posixpath.dirname(path))[0] for path in packaged}
    return Trim(command, min(folders)) if len(packaged) == len(paths) and folders else None
