"""Owns the caches that tools fill: which store it is, and in which directory, where that is known.

Sources: conda's and mamba's package caches (run), pip's, uv's and rattler's cache folders (run; pixi's documentation).
"""

import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum

from slimconda.dockerfile.clean_flags import WHOLE_CACHE
from slimconda.dockerfile.stages import Context, expand

HOME_VARIABLE = re.compile(r"(?:~|\$HOME|\$\{HOME\})(?=/|\Z)")
HOME_FOLDER = re.compile(r"/root(?=/|\Z)|/home/([^/$]+)(?=/|\Z)")
ROOT_USERS = frozenset({"root", "0"})
FILE = frozenset({"file"})


class Store(StrEnum):
    """A kind of cache, by the name that messages use."""

    CONDA = "package cache"
    RATTLER = "rattler cache"
    PIP = "pip cache"
    UV = "uv cache"

    @property
    def parts(self) -> frozenset[str]:
        """Return what such a cache holds, as far as tools can empty it in parts."""
        return frozenset(WHOLE_CACHE) if self is Store.CONDA else FILE


# The variables that move a cache, the strongest first, and what they are joined with.
MOVERS = {
    Store.CONDA: (("CONDA_PKGS_DIRS", ""),),
    Store.RATTLER: (("PIXI_CACHE_DIR", ""), ("RATTLER_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/rattler/cache")),
    Store.PIP: (("PIP_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/pip")),
    Store.UV: (("UV_CACHE_DIR", ""), ("XDG_CACHE_HOME", "/uv")),
}
DEFAULT_PLACES = {Store.RATTLER: "~/.cache/rattler", Store.PIP: "~/.cache/pip", Store.UV: "~/.cache/uv"}


@dataclass(frozen=True)
class Cache:
    """A cache of one store; `places` are its directories where known, none for the default of an unknown root.

    `moved` says that a variable or a .condarc names the directory.
    """

    store: Store
    places: tuple[str, ...] = ()
    moved: bool = False

    def is_other_than(self, other: "Cache") -> bool:
        """Tell whether both surely have no directory in common."""
        known = bool(self.places and other.places)
        apart = not set(self.places) & set(other.places) if known else self.moved != other.moved
        return self.store is not other.store or apart


def cache(store: Store, context: Context, own: dict[str, str], roots: tuple[str, ...] = ()) -> Cache:
    """Return the cache that a command fills; `own` are variables of the command alone, `roots` its known places."""
    variables = context.variables | own
    for name, below in MOVERS[store]:
        value = variables.get(name, "")
        if value:
            places = value.split(",") if store is Store.CONDA else [value]
            return Cache(store, tuple(settled(place + below, context) for place in places if place), moved=True)
    if store is Store.CONDA:
        known = tuple(settled(place, context) for place in context.pkgs_dirs or roots)
        return Cache(store, known, moved=bool(context.pkgs_dirs))
    return Cache(store, (DEFAULT_PLACES[store],))


def settled(path: str, context: Context) -> str:
    """Return a path with known variables replaced, its end without slashes, and the user's own home as `~`."""
    path = HOME_VARIABLE.sub("~", expand(path, context.variables), count=1)
    home = context.variables.get("HOME")
    if home and (path == home or path.startswith(f"{home}/")):
        path = "~" + path[len(home) :]
    match = HOME_FOLDER.match(path)
    if match and not home and _is_home_of(match[1], context.user):
        path = "~" + path[match.end() :]
    return re.sub(r"/+", "/", path).rstrip("/") or "/"


def absolute(path: str, context: Context) -> str:
    """Return a settled path with the user's own home in place of `~`; root's, where no user is known."""
    if not path.startswith("~"):
        return path
    user = (context.user or "root").partition(":")[0]
    home = context.variables.get("HOME") or ("/root" if user in ROOT_USERS else f"/home/{user}")
    return home + path[1:]


def located(path: str, context: Context) -> str:
    """Return a path as the shell finds it: variables replaced, from the working directory on, as far as it is known.

    Another user's home stays what it is; `settled` takes it for the user's own where no user is known.
    """
    path = HOME_VARIABLE.sub("~", expand(path, context.variables), count=1)
    if not path.startswith(("/", "~", "$", "\0")) and context.workdir is not None:
        path = posixpath.join(context.workdir, path)
    path = absolute(path, context)
    return posixpath.normpath(path).replace("//", "/") if path.startswith("/") else path.rstrip("/")


def _is_home_of(name: str | None, user: str | None) -> bool:
    """Tell whether a home folder may be the user's: /root has no name, and no user is known where USER is not set."""
    if user is None or "$" in user:
        return True
    account = user.partition(":")[0]
    return account in ROOT_USERS if name is None else account == name


def is_root(user: str | None) -> bool | None:
    """Tell whether a USER is root; None where it is not known."""
    if user is None or "$" in user:
        return None
    return user.partition(":")[0] in ROOT_USERS
