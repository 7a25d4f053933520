"""Owns what is not conda's and empties its caches all the same: removals, mounts, scripts whose inside is not seen."""

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.installers import is_installer_name
from slimconda.dockerfile.parser import Instruction
from slimconda.dockerfile.python_tools import empties
from slimconda.dockerfile.shell import ShellCommand
from slimconda.dockerfile.shell_words import path_pattern
from slimconda.dockerfile.stages import Context, expand
from slimconda.dockerfile.stores import DEFAULT_PLACES, Cache, Store, is_root, settled
from slimconda.dockerfile.wrappers import unwrapped

NOTHING: frozenset[str] = frozenset()
MAY_CLEAN = re.compile(r"clean|purge|slim|trim|shrink", re.IGNORECASE)
ENVIRONMENT_SCRIPTS = re.compile(
    r"(?:conda|mamba|micromamba)\.sh|activate|deactivate|\.?\w*(?:bashrc|profile)|environment"
)
# Programs that never run conda by themselves.
TRANSPARENT = frozenset(
    (
        "apt apt-get apt-key apk yum dnf microdnf pip pip3 npm yarn rm mkdir rmdir cd echo printf ln cp mv "
        "chmod chown sed awk grep find export set unset wget curl tar unzip gunzip gzip git useradd groupadd "
        "adduser usermod ldconfig locale-gen touch cat test true : ls sync umask pwd sha256sum md5sum exit "
        "fix-permissions jupyter tee"
    ).split()
)
ROOT = re.compile(r"(?:/|~/)(?:[\w.-]+/)*\w*(?:conda|mamba|forge)\w*/?", re.IGNORECASE)
INSIDE_ROOT = re.compile(r"/(?:envs|bin|lib|etc|tmp|share|info|include)/")
# What `find` may say without leaving any file of a folder out.
FIND_ALL = re.compile(
    r"-(?:mindepth|depth|delete|exec|execdir|follow|xdev|mount|print|L|H|P)|rm|-rf?|-fr?|\{\}|\+|;|[01]"
)
RELATIVE = frozenset({"pkgs", "./pkgs"})
ARCHIVES = ("*.tar.bz2", "*.conda")


def emptied(command: ShellCommand, cache: Cache, context: Context) -> frozenset[str] | None:
    """Return which parts of a cache a command that is not conda's empties; None where it may."""
    at = unwrapped(command)
    words = [word.text for word in command.words[at:]]
    program = posixpath.basename(words[0]) if words else ""
    if program == "rm":
        return _removed([path_pattern(word) for word in command.words[at + 1 :]], cache, context)
    if program == "find":
        return _found(words[1:], cache, context)
    if program == "mv":
        moved = [_covered(word, cache, context) for word in words[1:-1]]
        return NOTHING if all(part == NOTHING for part in moved) else None
    done = empties(command, cache.store)
    if done is not False:
        return cache.store.parts if done else None
    return None if _may_clean(program, words) else NOTHING


def _removed(words: list[str], cache: Cache, context: Context) -> frozenset[str] | None:
    options = "".join(word for word in words if word.startswith("-"))
    given = [_split(expand(word, context.variables)) or [word] for word in words if not word.startswith("-")]
    operands = [path for parts in given for part in parts for path in _braces(part)]
    if len(operands) > sum(map(len, given)) and not context.expands_braces:
        return None
    names = {posixpath.basename(word) for word in operands if _is_in_cache(posixpath.dirname(word), cache, context)}
    archives = frozenset({Kind.ARCHIVES}) if names >= set(ARCHIVES) else NOTHING
    parts = [_covered(operand, cache, context) for operand in operands]
    taken = archives.union(*(part for part in parts if part))
    if taken == cache.store.parts and not re.search(r"[rR]", options):
        return None
    return None if None in parts and not taken else taken


def _split(text: str) -> list[str]:
    """Return the words of an operand whose variables are replaced; what a command prints is taken for one."""
    text = re.sub(r"`([^`]*)`", r"$(\1)", text)
    return [text] if "$(" in text else text.split()


def _braces(path: str) -> list[str]:
    """Return the paths that a pair of braces stands for."""
    match = re.fullmatch(r"(.*)(?<!\$)\{([^{}]*,[^{}]*)\}(.*)", path)
    if match is None or path.endswith(("/{*,.*}", "/{.*,*}")):
        return [path]
    return [f"{match[1]}{part}{match[3]}" for part in match[2].split(",")]


def _found(words: list[str], cache: Cache, context: Context) -> frozenset[str] | None:
    if not {"-delete", "rm"} & set(words):
        return NOTHING
    folders, tests = find_parts(words)
    covered = [_covered(folder, cache, context) for folder in folders]
    whole = cache.store.parts in covered
    if whole and all(FIND_ALL.fullmatch(test) for test in _without_file_type(tests)):
        return cache.store.parts
    names = {tests[n + 1] for n, test in enumerate(tests[:-1]) if test in {"-name", "-iname"}}
    top = " ".join(tests) in {"-maxdepth 1 -type f -delete", "-type f -maxdepth 1 -delete"}
    if whole and cache.store is Store.CONDA and (top or (names == set(ARCHIVES) and "-o" in tests)):
        return frozenset({Kind.ARCHIVES})
    if len(names) == 1 and names <= set(ARCHIVES):
        return NOTHING
    mentions = any(re.search(r"pkgs|tar\.bz2|\.conda|\.cache", word) for word in words)
    return None if mentions or (whole and not names) else NOTHING


def find_parts(words: list[str]) -> tuple[list[str], list[str]]:
    """Return the folders that the arguments of `find` name, and its tests and actions."""
    start = next((n for n, word in enumerate(words) if re.match(r"[-(!]", word) and word not in {"-L", "-H", "-P"}), 0)
    return [word for word in words[:start] if not word.startswith("-")], words[start:]


def _without_file_type(tests: list[str]) -> list[str]:
    joined = " ".join(tests).replace("-type f", "").replace("-type l", "")
    return joined.split()


def _covered(operand: str, cache: Cache, context: Context) -> frozenset[str] | None:
    """Return which parts of a cache a path holds, a glob for all inside taken as the folder; None where it may."""
    path = _absolute(re.sub(r"(?:\A|(?<=/))(?:\*|\.\*|\{?\*,\.\*\}?)\Z", "", operand), context)
    if cache.places and any(fnmatchcase(place, path) for place in cache.places):
        return cache.store.parts
    if cache.places:
        known = [_of_place(path, place, cache.store) for place in cache.places]
        if any(known) or not path.startswith("$") or "/" not in path:
            relative = cache.store is Store.CONDA and path in RELATIVE
            return None if relative else NOTHING.union(*known)
    if cache.store is not Store.CONDA:
        return None if re.search(r"\$.*CACHE", path, re.IGNORECASE) else NOTHING
    return _of_default(path, context)


def _absolute(path: str, context: Context) -> str:
    """Return a path from the working directory on, as far as that is known."""
    folder = context.workdir
    if path.startswith(("/", "~", "$", "\0")) or folder is None:
        return settled(path or ".", context)
    return posixpath.normpath(settled(posixpath.join(folder, path), context))


def _of_place(path: str, place: str, store: Store) -> frozenset[str]:
    # Of ~/.cache/rattler, pixi and py-rattler fill the folder `cache` alone (py-rattler, run).
    below = f"{place}/cache" if place == DEFAULT_PLACES.get(Store.RATTLER) else place
    if path in {place, below} or place.startswith(f"{path.rstrip('/')}/"):
        return store.parts
    return frozenset({Kind.INDEX}) if store is Store.CONDA and path == f"{place}/cache" else NOTHING


def _of_default(path: str, context: Context) -> frozenset[str] | None:
    """Return what a path holds of the package cache of a root that is not known: any folder named like one counts."""
    if path == "~/.conda/pkgs":
        return {True: NOTHING, False: Store.CONDA.parts, None: None}[is_root(context.user)]
    if path in RELATIVE:
        return None
    if path.endswith("/pkgs"):
        return Store.CONDA.parts
    if path.endswith("/pkgs/cache"):
        return frozenset({Kind.INDEX})
    if posixpath.basename(path) == ".conda":
        return None
    inside = ROOT.fullmatch(path) is not None and not INSIDE_ROOT.search(path)
    return Store.CONDA.parts if inside else NOTHING


def _is_in_cache(folder: str, cache: Cache, context: Context) -> bool:
    return bool(_covered(folder, cache, context))


def keeps_out(instruction: Instruction, cache: Cache, context: Context) -> bool | None:
    """Tell whether a mount keeps a cache out of a RUN's layer; None where it may."""
    answers = [_mount_covers(options, cache, context) for options in mounts(instruction)]
    return True if True in answers else None if None in answers else False


def _mount_covers(options: dict[str, str], cache: Cache, context: Context) -> bool | None:
    target = mount_target(options)
    kind = options.get("type", "bind")
    if not target or kind not in {"cache", "tmpfs", "bind"}:
        return False
    path = settled(target, context)
    if not _may_hold(path, cache, context):
        return False
    writable = {"rw", "readwrite"} & set(options) if kind == "bind" else not {"ro", "readonly"} & set(options)
    return True if writable else None


def _may_hold(path: str, cache: Cache, context: Context) -> bool:
    if cache.places:
        return "$" in path or any(_of_place(path, place, cache.store) == cache.store.parts for place in cache.places)
    return _of_default(path, context) in {Store.CONDA.parts, None}


def mounts(instruction: Instruction) -> Iterator[dict[str, str]]:
    """Yield the options of a RUN's mounts; one without a value is empty."""
    for flag in instruction.flags:
        if flag.name == "mount":
            yield dict(option.partition("=")[::2] for option in flag.value.split(","))


def mount_target(options: dict[str, str]) -> str:
    """Return the directory that a mount's options name, empty where there is none."""
    return options.get("target") or options.get("dst") or options.get("destination") or ""


def mount_targets(instruction: Instruction) -> Iterator[str]:
    """Yield the directories of a RUN that cache and tmpfs mounts keep out of its layer."""
    for options in mounts(instruction):
        if options.get("type") in {"cache", "tmpfs"} and mount_target(options):
            yield mount_target(options)


def _may_clean(program: str, words: list[str]) -> bool:
    """Tell whether a program is a script whose inside is not seen, or is named like a cleanup."""
    if program in {"apt-get", "apt", "yum", "dnf", "microdnf", "apk", "npm", "yarn", "git", "pip", "pip3", "go", "uv"}:
        return False
    if program == "trap":
        return MAY_CLEAN.search(" ".join(words)) is not None
    if program in {"source", "."} or program in {"sh", "bash", "dash", "zsh"}:
        script = next((word for word in words[1:] if not word.startswith("-")), "")
        return bool(script) and not _is_harmless(script)
    if program.endswith(".sh"):
        return not _is_harmless(program)
    return MAY_CLEAN.search(program) is not None


def is_opaque(command: ShellCommand) -> bool:
    """Tell whether a command may run conda where it is not seen."""
    words = [word.text for word in command.words[unwrapped(command) :]]
    if not words or command.inner is not None:
        return False
    program = posixpath.basename(words[0])
    if program in {"source", "."}:
        return not all(_is_harmless(word) for word in words[1:2])
    return program not in TRANSPARENT


def _is_harmless(script: str) -> bool:
    return is_installer_name(script) or ENVIRONMENT_SCRIPTS.fullmatch(posixpath.basename(script)) is not None
