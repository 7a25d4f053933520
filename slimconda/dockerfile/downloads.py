"""Owns files that a command downloads, and whether a later command takes them away."""

import posixpath
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.shell import ShellCommand, Word
from slimconda.dockerfile.stages import Context, expand
from slimconda.dockerfile.stores import settled
from slimconda.dockerfile.wrappers import unwrapped

MOVERS = frozenset({"mv", "find", "git", "install", "shred"})
TO_STDOUT = frozenset({"-", "/dev/stdout"})


@dataclass(frozen=True)
class Download:
    """A command that leaves an installer as a file: from which URL, and at which path, as far as both are known."""

    command: ShellCommand
    path: str
    url: str

    @property
    def name(self) -> str:
        """Return the file's name without its folder."""
        return posixpath.basename(self.path)


def read_download(command: ShellCommand, context: Context) -> Download | None:
    """Return the installer that wget or curl leaves as a file in its context, None where there is none."""
    written = command.words[unwrapped(command) :]
    program = posixpath.basename(_known(written[0], context)) if written else ""
    if program not in {"wget", "curl"}:
        return None
    words = tuple(replace(word, text=_known(word, context)) for word in written)
    urls = [word.text for word in words[1:] if "/" in word.text and not word.text.startswith("-")]
    url = next((text for text in urls if is_installer_name(text)), urls[-1] if urls else "")
    path = _wget_path(words, url) if program == "wget" else _curl_path(words, url)
    path = path or _redirected(command, context)
    if not path or path in TO_STDOUT or not (is_installer_name(path) or is_installer_name(url)):
        return None
    return Download(command, _placed(path, context), url)


def _known(word: Word, context: Context) -> str:
    return word.text if word.literal else expand(word.text, context.variables)


def _placed(path: str, context: Context) -> str:
    """Return a path from the working directory on, as far as that is known, its folder settled."""
    path = path.rstrip("/") or "/"
    if context.workdir is not None and not path.startswith(("/", "~", "$")):
        path = posixpath.normpath(posixpath.join(context.workdir, path))
    folder, name = posixpath.split(path)
    return posixpath.join(settled(folder, context), name) if folder else path


def _option_value(words: tuple[Word, ...], short: str, long: str) -> str | None:
    texts = [word.text for word in words[1:]]
    for text, following in zip(texts, [*texts, ""][1:], strict=True):
        if text.startswith(f"{long}="):
            return text.partition("=")[2]
        if text == long:
            return following
        match = re.fullmatch(rf"-[a-zA-Z]*?{short}(.*)", text) if not text.startswith("--") else None
        if match:
            return match[1] or following
    return None


def _url_name(url: str) -> str:
    return posixpath.basename(url.partition("?")[0])


def _wget_path(words: tuple[Word, ...], url: str) -> str | None:
    output = _option_value(words, "O", "--output-document")
    if output is not None:
        return output
    folder = _option_value(words, "P", "--directory-prefix")
    return posixpath.join(folder or "", _url_name(url))


def _curl_path(words: tuple[Word, ...], url: str) -> str | None:
    output = _option_value(words, "o", "--output")
    if output is not None:
        return output
    keeps_name = any(
        word.text in {"--remote-name", "--remote-name-all"} or re.fullmatch(r"-[a-zA-Z]*O[a-zA-Z]*", word.text)
        for word in words[1:]
    )
    return _url_name(url) if keeps_name else None


def _redirected(command: ShellCommand, context: Context) -> str | None:
    targets = [redirect.target for redirect in command.redirects if redirect.operator == ">" and redirect.target]
    return _known(targets[0], context) if targets else None


def removes(command: ShellCommand, path: str, context: Context) -> bool | None:
    """Tell whether a command takes a download's file away in its context; None where it may."""
    words = command.words[unwrapped(command) :]
    program = posixpath.basename(words[0].text) if words else ""
    if program in MOVERS:
        return None if any(posixpath.basename(path) in word.text for word in words) or program == "find" else False
    if program not in {"rm", "unlink"}:
        return False
    operands = {_placed(_known(word, context), context) for word in words[1:] if not word.text.startswith("-")}
    operands |= {settled(operand, context) for operand in operands}  # One may be a home itself.
    answers = {_covers(operand, path) for operand in operands}
    return True if True in answers else None if None in answers else False


def _covers(operand: str, path: str) -> bool | None:
    """Tell whether removing an operand removes the path; where one's folder is not known, by its name alone."""
    if path == operand or path.startswith(f"{operand.rstrip('/')}/") or fnmatchcase(path, operand):
        return True
    name = posixpath.basename(operand)
    named = fnmatchcase(posixpath.basename(path), name) and name != "*"
    if operand.startswith(("/", "~/")) and path.startswith(("/", "~/")):
        return None if named else False
    relative = not path.startswith(("/", "~", "$"))
    return True if named else None if relative and not posixpath.splitext(operand)[1] else False
