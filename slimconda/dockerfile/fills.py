"""Owns which cache a command fills, and which cleans of conda's family empty it."""

import re
from dataclasses import replace
from enum import Enum

from slimconda.dockerfile.clean_flags import Kind
from slimconda.dockerfile.cleanups import INSIDE_ROOT
from slimconda.dockerfile.conda import CondaCommand, Tool
from slimconda.dockerfile.installers import installer_prefix
from slimconda.dockerfile.python_tools import PythonInstall
from slimconda.dockerfile.shell import ShellCommand, Word
from slimconda.dockerfile.stages import Context
from slimconda.dockerfile.stores import Cache, Store, absolute, cache, is_root, settled
from slimconda.dockerfile.wrappers import environment_words

NESTED_CACHE_TOOLS = frozenset({Tool.MAMBA, Tool.MICROMAMBA})
NAME = re.compile(r"[A-Za-z_]\w*")
SYSTEM_ROOTS = frozenset({"", "/", "/usr", "/usr/local", "~", "~/.local"})
ROOT_OPTION = re.compile(r"(?:--root-prefix=|-r)(.+)")


class Miss(Enum):
    """Why a clean empties nothing of a cache: it is in another place, or another user's."""

    ELSEWHERE = "elsewhere"
    FORBIDDEN = "forbidden"


def conda_cache(call: CondaCommand, context: Context) -> Cache:
    """Return the cache that a call of conda's family, or pixi's, fills or cleans."""
    store = Store.RATTLER if call.tool is Tool.PIXI else Store.CONDA
    context = own_context(call.read, call.at, context)
    return cache(store, context, {}, _places(call, context) if store is Store.CONDA else ())


def python_cache(install: PythonInstall, context: Context) -> Cache:
    """Return the cache that a call of pip or uv fills."""
    own = own_context(install.read, install.at, context)
    filled = cache(install.store, own, install.own_variables)
    if own.variables.get("HOME") == context.variables.get("HOME"):
        return filled
    # A home of the command's own is another than the tilde of the commands around it.
    return replace(filled, places=tuple(absolute(place, own) for place in filled.places))


def may_be_off(filled: Cache, context: Context) -> bool:
    """Tell whether pip may keep no cache though none of its words says so.

    As root it takes none that lies in another user's home: it looks for the owner of the nearest folder that is there,
    and warns (run). Where Jupyter's images are the base, HOME is such a home.
    """
    if filled.store is not Store.PIP or context.pip_configured:
        return filled.store is Store.PIP
    if context.user is not None and is_root(context.user) is not True:
        return False
    homes = any(absolute(place, context).startswith("/home/") for place in filled.places)
    tilde = context.notebook and context.user is not None and "HOME" not in context.variables
    return homes or (tilde and any(place.startswith("~") for place in filled.places))


def own_context(command: ShellCommand, at: int, context: Context) -> Context:
    """Return what holds for a command, its own assignments and those of `env` before its program included."""
    own = assigned((*command.assignments, *environment_words(command, at)))
    return replace(context, variables=context.variables | own) if own else context


def assigned(words: tuple[Word, ...]) -> dict[str, str]:
    """Return the variables that words of the form NAME=value set."""
    pairs = (word.text.partition("=") for word in words)
    return {name: value for name, equals, value in pairs if equals and NAME.fullmatch(name)}


def _places(call: CondaCommand, context: Context) -> tuple[str, ...]:
    root = root_of(call, context)
    root = settled(root, context) if root else ""
    if not root.startswith(("/", "~/")):
        return ()
    return (f"{root}/pkgs", "~/.conda/pkgs") if context.user not in {None, "root", "0"} else (f"{root}/pkgs",)


def root_of(call: CondaCommand, context: Context) -> str | None:
    """Return the root whose `pkgs` a call fills, as far as its words or variables tell."""
    if call.tool is Tool.INSTALLER:
        given = installer_prefix(call.arguments)
        return given.text if given else None
    prefix = context.variables.get("MAMBA_ROOT_PREFIX") if call.tool in NESTED_CACHE_TOOLS else None
    option = root_option(call) if call.tool in NESTED_CACHE_TOOLS else None
    return option or prefix or _folder(call, context)


def root_option(call: CondaCommand) -> str | None:
    """Return the root prefix that mamba's or micromamba's own option names."""
    texts = [word.text for word in call.read.words[call.at :]]
    for text, following in zip(texts, [*texts, ""][1:], strict=True):
        if text in {"-r", "--root-prefix"}:
            return following
        if match := ROOT_OPTION.fullmatch(text):
            return match[1]
    return None


def _folder(call: CondaCommand, context: Context) -> str | None:
    """Return the root in which the called program lies, where it is named by its path."""
    path = settled(call.tool_words[0].text, context)
    if "/" not in path:
        return None if "PATH" in context.variables else context.base_root
    match = re.fullmatch(r"(.+)/(?:bin|condabin)/[\w.-]+", path)
    unsure = match is None or call.tool is Tool.MICROMAMBA or INSIDE_ROOT.search(f"{match[1]}/")
    return None if unsure or match is None or match[1] in SYSTEM_ROOTS else match[1]


def cleaned_by(clean: CondaCommand, filled: CondaCommand, cache: Cache, context: Context) -> frozenset[str] | None:
    """Return which parts of an install's cache a clean empties in its context; None where that is not certain."""
    kinds = clean.clean.kinds if clean.clean else frozenset()
    if any(word.text.startswith("$") for word in clean.arguments) or clean.guessed:
        return None
    if not kinds or filled.tool is Tool.PIXI:
        return frozenset()
    if missed_by(clean, filled, cache, context):
        return frozenset()
    if filled.tool is Tool.INSTALLER and clean.tool is Tool.MICROMAMBA and not conda_cache(clean, context).places:
        return None  # It has a root of its own, the installer makes another.
    if (root_option(clean) is None) != (root_option(filled) is None) and not _is_root_known(clean, filled, context):
        return None
    if not _is_same_user(clean, filled, context):
        return None
    return None if _is_blind(clean, filled) else frozenset(kinds) | _unlinked(clean, filled)


def _is_root_known(clean: CondaCommand, filled: CondaCommand, context: Context) -> bool:
    """Tell whether a clean without a root prefix of its own surely has the root that an install names."""
    if context.variables.get("MAMBA_ROOT_PREFIX"):
        return True
    root, first = root_option(filled), context.variables.get("PATH", "").partition(":")[0]
    own = clean.tool in {Tool.CONDA, Tool.MAMBA} and clean.tool_words[0].text == clean.tool
    return own and root is not None and f"{settled(root, context)}/bin" == settled(first, context)


def missed_by(clean: CondaCommand, filled: CondaCommand, cache: Cache, context: Context) -> Miss | None:
    """Return why a clean surely empties nothing of an install's cache in its context; None where it may."""
    if conda_cache(clean, context).is_other_than(cache):
        return Miss.ELSEWHERE
    return Miss.FORBIDDEN if _is_forbidden(clean, filled, context) else None


def _is_forbidden(clean: CondaCommand, filled: CondaCommand, context: Context) -> bool:
    """Tell whether another user than root cleans what root has installed into a root's own prefix.

    Source: conda 26.7 run so: it says that there is nothing to remove, and ends well.
    """
    cleaner = clean.account or context.user
    filler = filled.account or context.user or "root"
    return context.root_owned and is_root(filler) is True and cleaner is not None and is_root(cleaner) is False


def _unlinked(clean: CondaCommand, filled: CondaCommand) -> frozenset[str]:
    """Return the linked packages where a clean removes those, too, since the environment has copies of its own.

    Source: conda's clean goes by the files' links (26.7), mamba's by what the environments of its root name (2.8).
    """
    extracted = clean.clean is not None and Kind.EXTRACTED in clean.clean.kinds
    outside = "/" in (filled.environment or "") and "/envs/" not in (filled.environment or "")
    apart = outside if clean.tool in NESTED_CACHE_TOOLS else filled.copies
    return frozenset({Kind.LINKED}) if extracted and apart else frozenset()


def _is_same_user(clean: CondaCommand, filled: CondaCommand, context: Context) -> bool:
    """Tell whether one user runs both; where no USER is set, that is, or may be, root."""
    users = {(call.account or context.user or "root").partition(":")[0] for call in (clean, filled)}
    return len(users) == 1 or all(is_root(user) for user in users)


def _is_blind(clean: CondaCommand, filled: CondaCommand) -> bool:
    """Tell whether a clean may not see the cache: conda's, without force, does not look into mamba's nested folders.

    Source: mamba 2.6 nests its package cache by channel (run with conda 26.7: all but the index stays).
    """
    forced = clean.clean is not None and "f" in clean.clean.letters
    return filled.tool in NESTED_CACHE_TOOLS and clean.tool is Tool.CONDA and not forced
