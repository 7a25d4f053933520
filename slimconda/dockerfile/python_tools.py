"""Owns what a command does with pip or uv: which of them fills its cache, and where its words stand.

Sources: pip's documentation of its cache (no-cache-dir, PIP_NO_CACHE_DIR, PIP_CACHE_DIR), uv's of UV_NO_CACHE.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from slimconda.dockerfile.shell import ShellCommand, Word
from slimconda.dockerfile.stores import Store
from slimconda.dockerfile.wrappers import unwrapped
from slimconda.source import Span

PIP = re.compile(r"pip[0-9.]*")
PYTHON = re.compile(r"python[0-9.]*")
PIP_VALUES = frozenset(
    (
        "-r --requirement -c --constraint -i --index-url --extra-index-url -f --find-links -t --target --prefix --root "
        "--src --platform --python-version --abi --implementation --upgrade-strategy --progress-bar --trusted-host "
        "--cache-dir --timeout --retries --proxy --log --only-binary --no-binary --global-option --config-settings "
        "-e --editable --python -p --group --extra --index --default-index --build-option --exists-action"
    ).split()
)
UV_VERBS = ({"pip install", "pip sync", "tool install", "tool run"}, {"sync", "add"})
LOCAL = re.compile(r"\.{0,2}/|[\w.*-]+/|\.{1,2}(?:\[|\Z)|~/|file:|\$\{?\w+\}?/|.*\.(?:whl|tar\.gz|zip)\Z")
NO_CACHE = frozenset({"--no-cache-dir", "--no-cache", "--no-index"})


@dataclass(frozen=True)
class PythonInstall:
    """A call of pip or uv that installs; `verb` is the word after which options may stand.

    `at` is the index of the program's word in `read`.
    """

    command: ShellCommand
    store: Store
    at: int
    verb: Word
    arguments: tuple[Word, ...]
    title: str
    spelt: ShellCommand | None = None

    @property
    def read(self) -> ShellCommand:
        """Return the command as its shell reads it: `command` itself, or with variables of several words split."""
        return self.spelt or self.command

    @property
    def place(self) -> Span:
        """Return the bytes from the program's word to the last word."""
        return Span(self.read.words[self.at].span.start, self.read.words[-1].span.end)

    @property
    def packages(self) -> tuple[Word, ...]:
        """Return the words that name packages, paths or URLs."""
        return tuple(_operands(self.arguments))

    @property
    def program(self) -> str:
        """Return the program as it is written, without quotes."""
        return self.read.words[self.at].text

    @property
    def own_variables(self) -> dict[str, str]:
        """Return the cache folder that the command's own options name, as the variable of the same meaning."""
        name = "PIP_CACHE_DIR" if self.store is Store.PIP else "UV_CACHE_DIR"
        texts = [word.text for word in self.arguments]
        for text, following in zip(texts, [*texts, ""][1:], strict=True):
            if text == "--cache-dir" or text.startswith("--cache-dir="):
                return {name: text.partition("=")[2] or following}
        return {}

    def caches(self, variables: Mapping[str, str]) -> bool:
        """Tell whether it surely writes to its cache: something comes from an index, nothing turns the cache off."""
        off = variables.get("PIP_NO_CACHE_DIR" if self.store is Store.PIP else "UV_NO_CACHE")
        texts = {word.text for word in self.arguments}
        if off or texts & NO_CACHE or (self.store is Store.UV and "-n" in texts) or texts & {"--dry-run", "--help"}:
            return False
        if "--cache-dir=" in texts or self.own_variables.get("PIP_CACHE_DIR") in {"/dev/null", ""}:
            return False
        return self.store is Store.UV or self._takes_from_index()

    def _takes_from_index(self) -> bool:
        words = [word.text for word in self.arguments]
        named = any(word in {"-r", "--requirement"} or word.startswith(("-r", "--requirement=")) for word in words)
        return named or any(not LOCAL.match(word.text) and "git+" not in word.text for word in self.packages)


def read_python_install(command: ShellCommand) -> PythonInstall | None:
    """Return the pip or uv install that a command is, None where it is none."""
    at = unwrapped(command)
    texts = [word.text for word in command.words[at:]]
    if not texts:
        return None
    name = texts[0].rpartition("/")[2]
    if name == "uv":
        return _uv(command, at, texts)
    skipped = 3 if PYTHON.fullmatch(name) and texts[1:3] == ["-m", "pip"] else 1
    if skipped == 1 and not PIP.fullmatch(name):
        return None
    verb = _first_operand(texts, skipped)
    if verb is None or texts[verb] not in {"install", "wheel"}:
        return None
    words = command.words[at:]
    return PythonInstall(command, Store.PIP, at, words[verb], words[skipped:verb] + words[verb + 1 :], "pip install")


def _uv(command: ShellCommand, at: int, texts: list[str]) -> PythonInstall | None:
    first = _first_operand(texts, 1)
    if first is None:
        return None
    two = " ".join(texts[first : first + 2])
    count = 2 if two in UV_VERBS[0] else 1 if texts[first] in UV_VERBS[1] else 0
    if not count:
        return None
    words = command.words[at:]
    verb = first + count - 1
    title = f"uv {' '.join(texts[first : verb + 1])}"
    return PythonInstall(command, Store.UV, at, words[verb], words[1:first] + words[verb + 1 :], title)


def _first_operand(texts: list[str], at: int) -> int | None:
    while at < len(texts) and texts[at].startswith("-"):
        at += 2 if texts[at] in PIP_VALUES else 1
    return at if at < len(texts) else None


def _operands(words: Sequence[Word]) -> Iterator[Word]:
    at = 0
    while at < len(words):
        if words[at].text in PIP_VALUES:
            at += 2
            continue
        if not words[at].text.startswith("-"):
            yield words[at]
        at += 1


def empties(command: ShellCommand, store: Store) -> bool | None:
    """Tell whether a call of pip, uv or pixi empties its whole cache; None where it may."""
    at = unwrapped(command)
    texts = [word.text for word in command.words[at:]]
    name = texts[0].rpartition("/")[2] if texts else ""
    if PYTHON.fullmatch(name) and texts[1:3] == ["-m", "pip"]:
        name, texts = "pip", texts[2:]
    if store is Store.PIP and PIP.fullmatch(name) and texts[1:3] == ["cache", "purge"]:
        return True
    if store is Store.UV and name == "uv" and texts[1:2] == ["cache"]:
        return True if texts[2:] in (["clean"], ["clean", "--force"]) else None
    if store is Store.RATTLER and name == "pixi" and texts[1:3] == ["clean", "cache"]:
        flags = set(texts[3:])
        only_others = (
            any(flag.startswith("--") for flag in flags - {"--yes", "--assume-yes"}) and "--conda" not in flags
        )
        return False if only_others else True if flags & {"-y", "--yes", "--assume-yes", "--conda"} else None
    return False
