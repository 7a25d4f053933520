"""Owns how a call of conda or mamba is written for micromamba 2, where both surely do the same; or why not.

Sources: micromamba's own option parser (mamba-org/mamba, micromamba/src/common_options.cpp and clean.cpp), its reading
of files (libmamba/src/api/install.cpp: the channels of -c come before those of a file), conda's (those of the
configuration come last, unless the file has `nodefaults`); clean and the prompts of 2.8 were run.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain

from slimconda.dockerfile.conda import CondaCommand, Tool, Verb
from slimconda.dockerfile.insertion import NoPlaceError
from slimconda.dockerfile.prefixes import BASE
from slimconda.dockerfile.specs import parse_spec
from slimconda.source import Edit, Source, Span

PROGRAM = re.compile(r"(?:/opt/conda/(?:bin|condabin)/)?(?:conda|mamba)")
CLEANS = re.compile(r"-[aiptfqy]+|--(?:all|index-cache|packages|tarballs|force-pkgs-dirs|yes|quiet)")
SHORT = re.compile(r"-([qy]*)([npcf]?)")
LONG = {"q": "--quiet", "y": "--yes", "n": "--name", "p": "--prefix", "c": "--channel", "f": "--file"}
VALUES = frozenset({"--name", "--prefix", "--channel", "--file"})
DECIDING = frozenset({"--channel", "--file"})
OF_FILE = frozenset({"--name", "--prefix", "--file", "--quiet", "--yes"})
OF_CREATE = OF_FILE | {"--channel", "--override-channels", "--strict-channel-priority"}
KNOWN = {Verb.CREATE: OF_CREATE, Verb.INSTALL: OF_CREATE, Verb.ENV_CREATE: OF_FILE}
SPEC = re.compile(r"[A-Za-z_][\w.-]*(?:[=<>!~][\w.*,<>=!~|+${}-]*)?")
YAML = re.compile(r".*(?<!-lock)\.ya?ml")
LOCK = re.compile(r".*-lock\.ya?ml")
KEY = re.compile(rb"^([^\s#-][^:\r\n]*):", re.MULTILINE)
KEYS = frozenset({b"name", b"channels", b"dependencies"})
UNSEEN = "what the environment file says is not known"

Read = Callable[[str], bytes | None]


@dataclass(frozen=True)
class Given:
    """An argument: the long name of its option, empty for an operand; its value; the byte where it ends."""

    option: str
    value: str
    end: int


def translated(call: CondaCommand, default: str, read: Read, source: Source) -> tuple[Edit, ...]:
    """Return the edits that make a call one of micromamba; raises NoPlaceError where it may do something else.

    `default` is the channel that the base image has set, `read` gives the bytes of a file that the call names.
    """
    name = f"{call.tool} {call.subcommand}".strip()
    plain = call.tool in {Tool.CONDA, Tool.MAMBA} and call.at == 0 and len(call.tool_words) == 1
    word = call.tool_words[0]
    plain = plain and len(call.read.words) == len(call.command.words)
    if not plain or call.guessed or call.configured or not PROGRAM.fullmatch(word.raw) or call.leading:
        raise NoPlaceError("conda is called in a way of its own")
    if call.verb is not Verb.CLEAN and call.verb not in KNOWN:
        raise NoPlaceError(f"{name} may do something else in micromamba")
    if call.verb is Verb.INSTALL and call.environment in BASE:
        raise NoPlaceError("conda itself is changed")
    if call.command.redirects or call.command.assignments:
        raise NoPlaceError(f"{name} has redirects or variables of its own")
    added = _clean(call) if call.verb is Verb.CLEAN else _create(call, default, read)
    return (Edit(word.span, b"micromamba"), *_without_env(call, source), *_insertions(added))


def _insertions(added: list[tuple[int, str]]) -> Iterator[Edit]:
    """Yield one insertion for each place, in the order in which the texts were added."""
    for at in dict.fromkeys(at for at, _ in added):
        yield Edit(Span(at, at), "".join(f" {text}" for place, text in added if place == at).encode())


def _without_env(call: CondaCommand, source: Source) -> Iterator[Edit]:
    """Yield the edit that turns `env create` into `create`."""
    first, last = call.subcommand_words[0], call.subcommand_words[-1]
    gap = Span(first.span.start, last.span.start)
    if any(word.raw != word.text for word in call.subcommand_words) or b"\n" in source.read(gap):
        raise NoPlaceError("its words are quoted, or on several lines")
    if first is not last:
        yield Edit(gap, b"")


def _clean(call: CondaCommand) -> list[tuple[int, str]]:
    """Return the missing --yes; without one, micromamba's `clean -f` asks for ever."""
    clean = call.clean
    if clean is None or not clean.kinds or not all(CLEANS.fullmatch(word.raw) for word in call.arguments):
        raise NoPlaceError(f"{call.tool} clean has flags that micromamba reads otherwise")
    return [] if clean.yes else [(call.subcommand_words[-1].span.end, "--yes")]


def _create(call: CondaCommand, default: str, read: Read) -> list[tuple[int, str]]:
    given = list(_given(call))
    options = {one.option for one in given if one.option}
    odd = options - KNOWN[call.verb]
    if odd:
        raise NoPlaceError(f"micromamba may not know {min(odd)}")
    end = call.subcommand_words[-1].span.end
    added = [] if "--yes" in options else [(end, "--yes")]
    files = [one.value for one in given if one.option == "--file"]
    if call.verb is Verb.ENV_CREATE:
        needs = _needs_default(files, default, read)
    else:
        _refuse_specs([one.value for one in given if not one.option], files, read)
        channels = [one for one in given if one.option == "--channel"]
        bare = "--override-channels" in options and not channels
        if bare or any("nodefaults" in one.value for one in channels):
            raise NoPlaceError("which channels it has is not certain")
        needs = "--override-channels" not in options and not any(one.value == default for one in channels)
        end = channels[-1].end if channels else end
    return [*added, (end, f"-c {default}")] if needs else added


def _given(call: CondaCommand) -> Iterator[Given]:
    """Yield the arguments after the subcommand; raises NoPlaceError for one that both may read otherwise."""
    waiting = ""
    for word in call.arguments:
        option, equals, value = word.text.partition("=")
        short = SHORT.fullmatch(word.text)
        named = option if equals and option in VALUES else waiting
        if "$" in word.raw and (named in DECIDING or (not named and word.raw.lstrip('"').startswith("$"))):
            raise NoPlaceError("a variable may name other channels, files or packages")
        if waiting or not word.text.startswith("-"):
            yield Given(waiting, word.text, word.span.end)
            waiting = ""
        elif short and word.text != "-":
            yield from (Given(LONG[letter], "", word.span.end) for letter in short[1])
            waiting = LONG.get(short[2], "")
            _refuse_short_file(waiting, call)
        elif option in VALUES:
            waiting = "" if equals else option
            yield from [Given(option, value, word.span.end)] if equals else []
        else:
            yield Given(option, value, word.span.end)
    if waiting:
        raise NoPlaceError(f"{waiting} has no value")


def _refuse_short_file(option: str, call: CondaCommand) -> None:
    if option == "--file" and call.verb is not Verb.ENV_CREATE:
        raise NoPlaceError(f"-f is no file for conda {call.verb}")


def _refuse_specs(specs: list[str], files: list[str], read: Read) -> None:
    """Raise NoPlaceError unless all packages are named in a way that both read alike."""
    if any(YAML.fullmatch(name) or LOCK.fullmatch(name) for name in files):
        raise NoPlaceError("an environment file is read by conda env create alone")
    texts = [read(name) for name in files]
    if any(text is None for text in texts):
        raise NoPlaceError("the packages of a file are not known")
    lines = chain.from_iterable((text or b"").decode("utf-8", "surrogateescape").splitlines() for text in texts)
    named = [*specs, *(line.strip() for line in lines if line.strip() and not line.startswith("#"))]
    if not named or not all(SPEC.fullmatch(spec) and parse_spec(spec) for spec in named):
        raise NoPlaceError("not all packages are plain names and versions")


def _needs_default(files: list[str], default: str, read: Read) -> bool:
    """Tell whether the base's own channel must be stated beside an environment file, which names none."""
    from slimconda.environments.environment import read_environment
    from slimconda.environments.file import is_template

    data = read(files[0]) if len(files) == 1 and YAML.fullmatch(files[0]) else None
    if not data or is_template(data):
        raise NoPlaceError(UNSEEN)
    found = read_environment(data)
    if found.mistakes or found.unread or found.pip or set(KEY.findall(data)) - KEYS:
        raise NoPlaceError("the environment file says more than channels and packages")
    if not all(SPEC.fullmatch(entry.text) and parse_spec(entry.text) for entry in found.dependencies):
        raise NoPlaceError("not all packages are plain names and versions")
    channels = {entry.text for entry in found.channels}
    if channels and not channels & {default, "nodefaults"}:
        raise NoPlaceError(f"conda appends {default} to the channels of the environment file")
    return not channels


def packages_of(call: CondaCommand, read: Read) -> frozenset[str]:
    """Return the names of the packages that a call asks for, those of its files included."""
    from slimconda.environments.environment import read_environment

    data = [(name, read(name) or b"") for name in call.files]
    lists = [text.decode("utf-8", "surrogateescape").splitlines() for name, text in data if not YAML.fullmatch(name)]
    texts = [word.text for word in call.packages] + [line for lines in lists for line in lines]
    entries = (read_environment(text).dependencies for name, text in data if YAML.fullmatch(name))
    texts += [entry.text for found in entries for entry in found]
    return frozenset(spec.name for text in texts if (spec := parse_spec(text)))
