"""Owns commands that go over whole folders: what they write again with other owners or modes, what they remove."""

import posixpath
import re
from dataclasses import dataclass

from slimconda.dockerfile.cleanups import find_parts
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.shell_words import path_pattern
from slimconda.dockerfile.stages import Context
from slimconda.dockerfile.stores import located
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.source import Span

REWRITERS = frozenset({"chown", "chmod", "chgrp", "setfacl"})
FIX_PERMISSIONS = "fix-permissions"
# What a script's text holds where it may write whole folders again.
MAY_REWRITE = re.compile(rf"{FIX_PERMISSIONS}|(?:chown|chmod|chgrp|setfacl)\b[^&|;]*?\s(?:-\w*R|--recursive)|\bfind\b")
RECURSIVE = re.compile(r"-[a-zA-Z]*R[a-zA-Z]*|--recursive")
REMOVES_FOLDERS = re.compile(r"-[a-zA-Z]*[rR][a-zA-Z]*|--recursive")
# `chmod -R -w x` has a mode that looks like an option.
CHMOD_OPTION = re.compile(r"-[Rcvf]+|--[a-z].*")
SETFACL_VALUE = re.compile(r"-[a-zA-Z]*[mMxX]|--(?:modify|remove)(?:-file)?|--set(?:-file)?|--restore")
DEFAULT_ACL = re.compile(r"-[a-zA-Z]*[dk][a-zA-Z]*|--default|--remove-default")
# What `find` may say without leaving a file out; a folder alone stores no bytes.
ALL_FILES = re.compile(r"(?:-type (?:[dlps],)*f(?:,[dlps])*|-xdev|-mount|-follow|-depth|-noleaf|-print0?)")
GLOB = re.compile(r"[*?\[{\0]")


@dataclass(frozen=True)
class Sweep:
    """A command that goes over folders; `paths` are absolute where that is known, `title` is what a message calls it.

    `whole` says that it takes all that lies there.
    """

    command: ShellCommand
    title: str
    paths: tuple[str, ...]
    whole: bool = True

    @property
    def place(self) -> Span:
        """Return the bytes from the program's word to the last word; wrappers and redirects stay outside."""
        words = self.command.words
        return Span(words[unwrapped(self.command)].span.start, words[-1].span.end)


def rewriting(command: ShellCommand, context: Context) -> Sweep | None:
    """Return what a command writes again with all that is below, None where it does no such thing.

    A change of owner, mode or access list stores a file's bytes again (overlayfs, run: facts of Docker's layers).
    """
    words = command.words[unwrapped(command) :]
    name = posixpath.basename(words[0].text) if words else ""
    patterns = [path_pattern(word) for word in words[1:]]
    if name == FIX_PERMISSIONS:
        return _sweep(command, name, [word for word in patterns if not word.startswith("-")], context)
    if name in REWRITERS:
        return _sweep(command, f"{name} -R", _rewritten(name, patterns), context)
    if name == "find":
        return _found(command, [word.text for word in words[1:]], context)
    return None


def removing(command: ShellCommand, context: Context) -> Sweep | None:
    """Return what a command removes with all that is below, None where it does no such thing."""
    words = command.words[unwrapped(command) :]
    name = posixpath.basename(words[0].text) if words else ""
    patterns = [path_pattern(word) for word in words[1:]]
    if name == "rm" and any(REMOVES_FOLDERS.fullmatch(word) for word in patterns):
        return _sweep(command, "rm", [word for word in patterns if not word.startswith("-")], context)
    if name == "find" and {"-delete", "rm"} & {word.text for word in words}:
        folders, _ = find_parts([word.text for word in words[1:]])
        found = _sweep(command, "find", folders, context)
        return Sweep(command, "find", found.paths, whole=False) if found else None
    return None


def _sweep(command: ShellCommand, title: str, operands: list[str], context: Context) -> Sweep | None:
    paths = tuple(_folder(operand, context) for operand in operands)
    return Sweep(command, title, paths) if paths else None


def _folder(operand: str, context: Context) -> str:
    """Return an operand's absolute path; a glob for all that is inside is the folder."""
    return located(re.sub(r"(?<=/)\*\Z", "", operand), context)


def _rewritten(name: str, words: list[str]) -> list[str]:
    """Return the operands that a program writes again with all that is below them."""
    given = [word for word in words if _is_option(name, word)]
    operands = [word for word in words if not _is_option(name, word)]
    if not any(RECURSIVE.fullmatch(word) for word in given) or any(word.startswith("--from") for word in given):
        return []
    if name == "setfacl":
        return [] if any(DEFAULT_ACL.fullmatch(word) for word in given) else _without_values(words)
    return operands if any(word.startswith("--reference") for word in given) else operands[1:]


def _is_option(name: str, word: str) -> bool:
    return CHMOD_OPTION.fullmatch(word) is not None if name == "chmod" else word.startswith("-")


def _without_values(words: list[str]) -> list[str]:
    """Return setfacl's operands: what is neither an option nor an option's value."""
    before = ["", *words]
    return [
        word
        for earlier, word in zip(before, words, strict=False)
        if not word.startswith("-") and not SETFACL_VALUE.fullmatch(earlier)
    ]


def _found(command: ShellCommand, words: list[str], context: Context) -> Sweep | None:
    """Return what `find FOLDER -exec chown ... {} +` writes again, if no test leaves files out."""
    folders, tests = find_parts(words)
    start = next((n for n, word in enumerate(tests) if word in {"-exec", "-execdir"}), None)
    if start is None or posixpath.basename("".join(tests[start + 1 : start + 2])) not in REWRITERS:
        return None
    before = re.findall(r"-\S+(?: [^-]\S*)?|\S+", " ".join(tests[:start]))
    if not all(ALL_FILES.fullmatch(test) for test in before):
        return None
    return _sweep(command, f"find -exec {posixpath.basename(tests[start + 1])}", folders, context)
