"""A small conda on py-rattler: real solves, real hard links, and the leftovers that conda and mamba write.

It runs inside an image, as `python3 -IB FOLDER NAME ARGUMENT...` where NAME is conda, mamba or micromamba.
rattler itself keeps no archives and no index, so this writes them where conda (flat) and mamba 2.6 (nested)
do. What `clean` removes, and its exit codes, were recorded from conda 26.7 and mamba 2.8.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NoReturn
from urllib.parse import urlsplit

import rattler
from rattler.exceptions import SolverError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rattler import RepoDataRecord

CONDARC = (Path("/etc/conda/.condarc"), Path.home() / ".condarc")
PLATFORMS: Sequence[Literal["linux-64", "noarch"]] = ("linux-64", "noarch")
ARCHIVES = (".conda", ".tar.bz2", ".partial")


def main(name: str, arguments: Sequence[str]) -> int:
    """Run one command of the tool NAME."""
    os.environ.setdefault("RATTLER_CACHE_DIR", "/nonexistent")
    try:
        options = parser(name).parse_args(arguments)
    except SystemExit as error:
        return 109 if error.code and name != "conda" else int(error.code or 0)
    options.tool = name
    if options.command == "clean":
        return clean_conda(options) if name == "conda" else clean_mamba(options)
    if options.command == "run":
        return run(options)
    return asyncio.run(install(options))


def parser(name: str) -> argparse.ArgumentParser:
    """Know the options of NAME: an unknown one is refused, a prefix that is not ambiguous is taken."""
    top = argparse.ArgumentParser(prog=name)
    top.add_argument("-V", "--version", action="version", version=f"{name} on py-rattler")
    if name != "conda":
        top.add_argument("-y", "--yes", action="store_true")
    commands = top.add_subparsers(dest="command", required=True)
    for command in ("install", "create", "update", "upgrade"):
        add_install(commands.add_parser(command), "--file", *(["-f"] if name != "conda" else []))
    of_env = commands.add_parser("env").add_subparsers(dest="env_command", required=True)
    for command in ("create", "update"):
        add_install(of_env.add_parser(command), "-f", "--file")
    add_clean(commands.add_parser("clean"), name)
    runner = commands.add_parser("run")
    add_target(runner)
    runner.add_argument("--no-capture-output", "--live-stream", action="store_true")
    runner.add_argument("words", nargs=argparse.REMAINDER)
    return top


def add_target(command: argparse.ArgumentParser) -> None:
    """Say which environment."""
    which = command.add_mutually_exclusive_group()
    which.add_argument("-n", "--name")
    which.add_argument("-p", "--prefix")
    command.add_argument("-r", "--root-prefix")


def add_common(command: argparse.ArgumentParser) -> None:
    """Say how to ask and to talk."""
    command.add_argument("-y", "--yes", action="store_true", default=argparse.SUPPRESS)
    command.add_argument("-q", "--quiet", action="store_true")
    command.add_argument("-v", "--verbose", action="count")
    command.add_argument("-d", "--dry-run", action="store_true")
    command.add_argument("--json", action="store_true")


def add_install(command: argparse.ArgumentParser, *file: str) -> None:
    """Add the options of install and create."""
    command.add_argument(*file, dest="file")
    add_target(command)
    add_common(command)
    command.add_argument("-c", "--channel", action="append", default=[])
    command.add_argument("--override-channels", action="store_true")
    command.add_argument("--copy", "--always-copy", action="store_true")
    command.add_argument("--download-only", action="store_true")
    command.add_argument("specs", nargs="*")


def add_clean(command: argparse.ArgumentParser, name: str) -> None:
    """Add the options of clean, which conda and mamba spell differently."""
    add_common(command)
    command.add_argument("-r", "--root-prefix")
    command.add_argument("-a", "--all", action="store_true")
    command.add_argument("-i", "--index-cache", action="store_true")
    command.add_argument("-p", "--packages", action="store_true")
    command.add_argument("-t", "--tarballs", action="store_true")
    command.add_argument("-f", "--force-pkgs-dirs", action="store_true")
    if name == "conda":
        command.add_argument("-l", "--logfiles", action="store_true")
        command.add_argument("-c", "--tempfiles", nargs="*")
    else:
        command.add_argument("-l", "--locks", action="store_true")
        command.add_argument("--trash", action="store_true")


# --- where things are ---


def root_of(options: argparse.Namespace) -> Path:
    """Find the root prefix: conda knows its own, mamba is told."""
    told = os.environ.get("MAMBA_ROOT_PREFIX") if options.tool != "conda" else None
    return Path(options.root_prefix or told or "/opt/conda")


def prefix_of(options: argparse.Namespace) -> Path:
    """Find the environment that a command is about."""
    root = root_of(options)
    if options.prefix:
        return Path(options.prefix).absolute()
    name = options.name or os.environ.get("CONDA_DEFAULT_ENV") or "base"
    return root if name == "base" else root / "envs" / name


def configured(key: str) -> list[str]:
    """Read a list `key: [a, b]` from the last .condarc that has it."""
    values: list[str] = []
    for path in CONDARC:
        text = path.read_text() if os.access(path, os.R_OK) else ""
        for found in re.findall(rf"^{key}:\s*(?:\[(.*)\]|(\S+))\s*$", text, re.MULTILINE):
            values = [value.strip() for value in "".join(found).split(",")]
    return values


def package_caches(options: argparse.Namespace) -> list[Path]:
    """List the package caches in the order in which conda tries them."""
    told = os.environ.get("CONDA_PKGS_DIRS")
    if told:
        return [Path(part).expanduser() for part in told.split(",")]
    default = [str(root_of(options) / "pkgs"), "~/.conda/pkgs"]
    return [Path(part).expanduser() for part in configured("pkgs_dirs") or default]


def writable(folder: Path) -> bool:
    """Say whether files can be made there, the folder itself included."""
    while not folder.exists():
        folder = folder.parent
    return os.access(folder, os.W_OK)


def channel_urls(options: argparse.Namespace) -> list[str]:
    """List the channels; a bare name is looked up under the alias."""
    alias = (configured("channel_alias") or ["https://conda.anaconda.org"])[0]
    names = options.channel + ([] if options.override_channels else configured("channels"))
    urls = [name if "://" in name else f"{alias}/{name}" for name in dict.fromkeys(names)]
    for url in urls:
        if not Path(urlsplit(url).path, "noarch").is_dir() or urlsplit(url).scheme != "file":
            fail(f"the channel {url} is not a folder on this disk")
    return urls


def fail(message: str) -> NoReturn:
    """Stop with conda's status for an error."""
    print(message, file=sys.stderr)
    sys.exit(1)


def confirmed(options: argparse.Namespace) -> bool:
    """Ask as conda does: an empty answer, and so the end of the input, means yes."""
    if getattr(options, "yes", False) or os.environ.get("CONDA_ALWAYS_YES"):
        return True
    print("Proceed ([y]/n)? ", end="", flush=True)
    try:
        answer = sys.stdin.readline()
    except (AttributeError, OSError, ValueError):  # stdin is closed
        fail("EOFError: EOF when reading a line")
    return answer.strip().lower() in {"", "y", "yes"}


# --- install, create and run ---


def read_file(options: argparse.Namespace, path: Path) -> None:
    """Read specs from a list, or name, channels and specs from an environment file without a pip section."""
    section = "" if path.suffix in {".yml", ".yaml"} else "dependencies"
    for line in path.read_text().splitlines():
        item = line.partition("#")[0].strip().removeprefix("- ").strip("'\"")
        if section == "dependencies" and item.endswith(":"):
            fail(f"{path}: {item} is not supported here")
        if line[:1].isalpha() and ":" in line:
            section, _, value = (part.strip() for part in item.partition(":"))
            if section == "name" and not options.prefix:
                options.name = options.name or value
        elif item and section == "dependencies":
            options.specs.append(item)
        elif item and section == "channels":
            options.channel.append(item)


async def install(options: argparse.Namespace) -> int:
    """Solve, link, and keep archives and index where the tool keeps them."""
    if options.file or options.command == "env":
        read_file(options, Path(options.file or "environment.yml"))
    prefix, urls = prefix_of(options), channel_urls(options)
    cache = next((folder for folder in package_caches(options) if writable(folder)), None)
    if cache is None:
        fail("NoWritablePkgsDirError: no writable package cache")
    installed = [rattler.PrefixRecord.from_path(path) for path in sorted(prefix.glob("conda-meta/*.json"))]
    names = [record.name.normalized for record in installed]
    keep_index(cache, urls)
    with scratch() as folder:
        os.environ["RATTLER_CACHE_DIR"] = folder
        specs = [*options.specs, *names]
        try:
            solution = await rattler.solve(urls, specs, locked_packages=installed, platforms=PLATFORMS)
        except SolverError as error:
            fail(f"PackagesNotFoundError: {error}")
        known = {record.file_name for record in installed}
        fresh = [record for record in solution if record.file_name not in known]
        for record in fresh:
            print(f"  + {record.name.normalized} {record.version} {record.file_name}")
        if options.dry_run or not confirmed(options):
            return 0 if options.dry_run else 1
        await link(options, prefix, cache, solution, fresh)
    return 0


def scratch() -> tempfile.TemporaryDirectory[str]:
    """Give rattler a cache of its own in memory, so that the layer shows none of it."""
    return tempfile.TemporaryDirectory(dir="/dev/shm" if writable(Path("/dev/shm")) else None)


async def link(
    options: argparse.Namespace,
    prefix: Path,
    cache: Path,
    solution: list[RepoDataRecord],
    fresh: list[RepoDataRecord],
) -> None:
    """Extract into the cache and link into the prefix, from and back to the places of the tool."""
    places = {stem(record): home(options, cache, record) for record in fresh}
    for name, place in places.items():
        if place != cache and (place / name).is_dir():
            (place / name).rename(cache / name)
    with scratch() as nowhere:
        target = Path(nowhere) if options.download_only else prefix
        await rattler.install(solution, target_prefix=target, cache_dir=cache, show_progress=False)
    for rattlers_own in [*cache.glob("*.lock"), target / "CACHEDIR.TAG"]:
        rattlers_own.unlink(missing_ok=True)
    for record in fresh:
        keep_archive(places[stem(record)], record)
        if places[stem(record)] != cache:
            (cache / stem(record)).rename(places[stem(record)] / stem(record))
    if options.copy:
        break_links(prefix, {stem(record) for record in fresh})
    if not options.download_only:
        register(prefix, fresh)


def stem(record: RepoDataRecord) -> str:
    """Name the extracted folder of an archive."""
    return record.file_name.removesuffix(".conda").removesuffix(".tar.bz2")


def home(options: argparse.Namespace, cache: Path, record: RepoDataRecord) -> Path:
    """Find the folder of a package: conda's cache is flat, mamba's follows the address since 2.6."""
    if options.tool == "conda":
        return cache
    parts = urlsplit(str(record.url))
    return cache / parts.scheme / (parts.netloc + parts.path).lstrip("/").rpartition("/")[0]


def keep_archive(folder: Path, record: RepoDataRecord) -> None:
    """Leave the archive and its address, as a download does."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(urlsplit(str(record.url)).path, folder / record.file_name)
    with (folder / "urls.txt").open("a") as urls:
        urls.write(f"{record.url}\n")


def keep_index(cache: Path, urls: list[str]) -> None:
    """Leave the index of each channel, named as conda names it."""
    (cache / "cache").mkdir(parents=True, exist_ok=True)
    (cache / "urls").touch()
    for url in urls:
        for platform in PLATFORMS:
            name = hashlib.md5(f"{url}/{platform}/".encode()).hexdigest()[:8]
            repodata = Path(urlsplit(url).path, platform, "repodata.json")
            shutil.copyfile(repodata, cache / "cache" / f"{name}.json")
            (cache / "cache" / f"{name}.info.json").write_text(json.dumps({"url": f"{url}/{platform}"}))


def break_links(prefix: Path, names: set[str]) -> None:
    """Copy instead of linking: each linked file of these packages becomes a file of its own."""
    for name in names:
        meta = json.loads((prefix / "conda-meta" / f"{name}.json").read_text())
        for path in (prefix / file for file in meta["files"]):
            if not path.is_symlink() and path.stat().st_nlink > 1:
                copy = path.with_name(f"{path.name}.slimconda-copy")
                shutil.copy2(path, copy)
                copy.replace(path)


def register(prefix: Path, fresh: list[RepoDataRecord]) -> None:
    """Write the history of the prefix and the list of environments."""
    with (prefix / "conda-meta" / "history").open("a") as history:
        history.writelines(f"+{record.file_name}\n" for record in fresh)
    known = Path.home() / ".conda" / "environments.txt"
    if writable(known.parent):
        known.parent.mkdir(exist_ok=True)
        lines = known.read_text().splitlines() if known.exists() else []
        known.write_text("".join(f"{line}\n" for line in dict.fromkeys([*lines, str(prefix)])))


def run(options: argparse.Namespace) -> int:
    """Replace this process by a command of the environment."""
    prefix, words = prefix_of(options), options.words
    if not words:
        fail("conda run: no command")
    os.environ.update(PATH=f"{prefix}/bin:{os.environ['PATH']}", CONDA_PREFIX=str(prefix))
    os.environ.pop("RATTLER_CACHE_DIR", None)
    os.execvp(words[0], words)


# --- clean ---


def clean_conda(options: argparse.Namespace) -> int:
    """Remove what conda removes: the top level of each writable cache, by the flags."""
    some = options.all or options.index_cache or options.packages or options.tarballs or options.logfiles
    if not (some or options.force_pkgs_dirs or options.tempfiles is not None):
        print("conda clean: at least one removal target must be given.", file=sys.stderr)
        return 2
    caches = [folder for folder in package_caches(options) if folder.is_dir() and os.access(folder, os.W_OK)]
    if options.force_pkgs_dirs:  # conda returns early: the other flags do nothing
        return remove(options, caches)
    doomed: list[Path] = []
    for cache in caches:
        doomed += [path for path in cache.iterdir() if condemned(options, path)]
    if options.all or options.tempfiles is not None:
        doomed += [path for end in ("*.c~", "*.trash") for path in root_of(options).rglob(end)]
    return remove(options, doomed)


def condemned(options: argparse.Namespace, path: Path) -> bool:
    """Say whether a name at the top of conda's cache goes."""
    if path.is_file():
        return path.name.endswith(ARCHIVES) and (options.all or options.tarballs)
    if path.name == "cache":
        return bool(options.all or options.index_cache)
    if path.name == ".logs":
        return bool(options.all or options.logfiles)
    return bool(options.all or options.packages) and (path / "info").is_dir() and not linked(path)


def linked(folder: Path) -> bool:
    """Say whether any file has another name, which conda takes for "in use"."""
    return any(path.lstat().st_nlink > 1 for path in folder.rglob("*") if not path.is_dir())


def clean_mamba(options: argparse.Namespace) -> int:
    """Remove what mamba 2 removes: archives and packages at any depth, by the flags; -a and -f add up."""
    if options.force_pkgs_dirs and not getattr(options, "yes", False):
        fail("mamba would repeat its question for ever: -f needs -y")
    doomed: list[Path] = []
    for cache in (folder for folder in package_caches(options) if os.access(folder, os.W_OK)):
        doomed += mamba_waste(options, cache)
        doomed += [cache] if options.force_pkgs_dirs else []
    return remove(options, doomed)


def mamba_waste(options: argparse.Namespace, cache: Path) -> Iterator[Path]:
    """Find what the flags name in one of mamba's caches."""
    if options.all or options.index_cache:
        yield from cache.glob("cache")
    if options.all or options.tarballs:
        yield from (path for path in cache.rglob("*") if path.name.endswith(ARCHIVES) and path.is_file())
    if options.all or options.locks:
        yield from cache.rglob("*.lock")
    if options.all or options.packages:
        used = {path.stem for path in root_of(options).glob("conda-meta/*.json")}
        used |= {path.stem for path in root_of(options).glob("envs/*/conda-meta/*.json")}
        packages = [path.parent for path in cache.rglob("info") if (path / "index.json").is_file()]
        yield from (path for path in packages if path.name not in used)


def remove(options: argparse.Namespace, doomed: list[Path]) -> int:
    """Show, ask and remove; what cannot be removed is a warning, as it is for conda."""
    if not doomed:
        nothing = "There are no package cache(s) to remove." if options.tool == "conda" else "Nothing to do."
        print(nothing)
        return 0
    for path in doomed:
        print(f"Will remove {path}")
    if options.dry_run:
        return 0
    if not confirmed(options):
        return 1
    for path in doomed:
        remove_tree(path)
    return 0


def remove_tree(path: Path) -> None:
    """Remove a file or a folder; of a mount point the content."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for child in path.iterdir():
        remove_tree(child)
    try:
        path.rmdir()
    except OSError as error:
        print(f"WARNING: cannot remove, file permissions: {path} ({error.strerror})")


if __name__ == "__main__":
    try:
        status = main(sys.argv[1], sys.argv[2:])
    except SystemExit as error:
        status = int(error.code or 0)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # rattler's threads may outlive an interpreter that ends, which then aborts
