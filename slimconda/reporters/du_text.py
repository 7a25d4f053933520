"""Owns the text report of a conda installation, for 80 columns."""

from collections.abc import Iterable, Iterator

from slimconda.du.caches import Cache
from slimconda.du.duplicates import LINKED, Repeated
from slimconda.du.environments import EnvironmentFacts
from slimconda.du.facts import Facts, by_tool
from slimconda.du.labels import Kind, Sort
from slimconda.du.ledger import NO_SHARE, Bytes, Share
from slimconda.du.wheels import Wheels
from slimconda.reporters.escapes import shortened, visible
from slimconda.units import size_text

WIDTH = 80
NAME = 38  # columns for what a row is about
COMMAND = 50
SHOWN = 5  # of lists that may be long; JSON has all


def render(facts: Facts, *, packages: int = SHOWN) -> str:
    """Return the facts as text, with that many packages of each environment."""
    parts = [
        _head(facts),
        _table("folder", facts.folders.items(), 3),
        *(_cache(cache) for cache in facts.caches),
        _environments(facts),
        *(_environment(environment, packages) for environment in facts.environments),
        _twice(facts),
        _cleans(facts),
        _removals(facts),
        _moves(facts),
        _notes(facts),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(facts: Facts) -> str:
    environments = _count(len(facts.environments), "environment")
    caches = _count(len(facts.caches), "package cache")
    total = f"{size_text(facts.total.allocated)} on disk, {size_text(facts.total.apparent)} of content"
    if facts.image is not None:
        total = f"{size_text(facts.total.apparent)} in the image"
    title = facts.root if facts.image is None else f"{facts.image}: {facts.root}"
    return (
        f"{shortened(visible(title), WIDTH - 2)}:\n{total}; {environments}, {caches}.\n"
        "Each hard-linked file counts once. own: freed if that alone is deleted;\n"
        "shared: stays, for other names of the same files are elsewhere."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _table(title: str, rows: Iterable[tuple[str, Share]], columns: int) -> str:
    """Return rows of sizes on disk: all, own and shared, and the bytes of content."""
    heads = ("on disk", "own", "shared", "content")[: columns + 1]
    lines = [_line(title, heads)]
    for name, share in rows:
        sizes = (share.bytes.allocated, share.own.allocated, share.shared.allocated, share.bytes.apparent)
        lines.append(_line(name, map(size_text, sizes[: columns + 1])))
    return "\n".join(lines) if len(lines) > 1 else ""


def _line(name: str, cells: Iterable[str]) -> str:
    return shortened(visible(name), NAME).ljust(NAME) + "".join(cell.rjust(10) for cell in cells)


def _cache(cache: Cache) -> str:
    older = f"older versions ({len(cache.older)}), of all above"
    used = [package for package in cache.extracted if package.environments]
    rows = [
        ("archives", cache.parts.get(Kind.ARCHIVE, NO_SHARE)),
        (f"extracted, linked with environments ({len(used)})", cache.in_use),
        (f"extracted, unused ({len(cache.extracted) - len(used)})", cache.unused),
        ("index cache", cache.parts.get(Kind.INDEX, NO_SHARE)),
        *((str(kind), cache.parts.get(kind, NO_SHARE)) for kind in (Kind.PARTIAL, Kind.TRASH, Kind.LOGS)),
        (older, cache.older_share),
    ]
    title = f"package cache {cache.path}" + ("" if cache.configured else " (not in conda's settings)")
    body = _table("", [(f"  {name}", share) for name, share in rows if share.bytes.files], 3)
    return f"{shortened(visible(title), WIDTH)}\n{body or '  empty'}"


def _environments(facts: Facts) -> str:
    return _table("environment", [(environment.path, environment.share) for environment in facts.environments], 3)


def _environment(environment: EnvironmentFacts, packages: int) -> str:
    shown = environment.packages[:packages]
    rows = [(f"  {_package_title(package.name, package.version, package.kind)}", package.share) for package in shown]
    sorts = environment.sorts
    rows += [
        ("  files of no package", environment.unclaimed),
        ("  bytecode (.pyc)", sorts.get(Sort.BYTECODE, NO_SHARE)),
        ("  static libraries (.a)", sorts.get(Sort.STATIC, NO_SHARE)),
    ]
    title = f"largest in {environment.path}, of {_count(len(environment.packages), 'package')}"
    body = _table("", [(name, share) for name, share in rows if share.bytes.files], 3)
    return "\n".join([shortened(visible(title), WIDTH), *([body] if body else []), *_remarks(environment)])


def _package_title(name: str, version: str, kind: Kind) -> str:
    return f"{name} {version}" + (" (pip)" if kind is Kind.PIP_PACKAGE else "")


def _remarks(environment: EnvironmentFacts) -> Iterator[str]:
    changed, missing = environment.changed, sum(package.missing for package in environment.packages)
    if changed.paths:
        yield f"  changed since installation: {_count(len(changed.paths), 'file')}, {size_text(changed.bytes)}"
    if missing:
        yield f"  listed by packages, but gone: {_count(missing, 'file')}"
    yield from _wheels(environment.wheels)
    if environment.reflinked:
        yield f"  at least {size_text(environment.reflinked)} share blocks with other files: counted here in full"
    if environment.soft_links:
        yield f"  {_count(environment.soft_links, 'soft link')} into a package cache: a clean breaks this environment"


def _wheels(wheels: Wheels) -> Iterator[str]:
    if wheels.pure:
        packages = _count(wheels.pure, "package")
        yield f"  pure Python: {packages}, {size_text(wheels.pure_bytes)}: the same by pip in a venv"
    if wheels.compiled:
        packages = _count(wheels.compiled, "package")
        yield f"  compiled: {packages}, {size_text(wheels.compiled_bytes)} here; what wheels take is not known"
    if wheels.unknown:
        yield f"  without a WHEEL file: {_count(wheels.unknown, 'package')}; pure or compiled is not known"


def _twice(facts: Facts) -> str:
    lines = []
    wasteful = [package for package in facts.repeated if any(place.how != LINKED for place in package.places)]
    lines += [line for package in wasteful[:SHOWN] for line in _repeated(package)]
    for versions in facts.versions[:SHOWN]:
        text = f"  {versions.name} in versions {', '.join(versions.versions)}: older ones take"
        lines.append(_wide(text, size_text(versions.older.allocated)))
    for library in facts.libraries:
        lines.append(_wide(f"  {library.name}, {len(library.places)} times", size_text(library.bytes.allocated)))
        lines += [f"    {name} {version} in {path}" for path, name, version in library.places]
    body = [shortened(visible(line), WIDTH) for line in lines]
    return "\n".join(["there more than once", *body]) if body else ""


def _repeated(package: Repeated) -> Iterator[str]:
    yield _wide(f"  {package.stem}, {len(package.places)} times: beyond one copy", size_text(package.extra))
    yield from (f"    {place.how}: {place.environment}" for place in package.places if place.how != LINKED)


def _wide(text: str, cell: str) -> str:
    return f"{shortened(text, WIDTH - 11):<{WIDTH - 11}} {cell:>10}"


def _cleans(facts: Facts) -> str:
    title = "what a clean would free" if facts.image is None else "what a clean in the same RUN would have saved"
    lines = [f"{title:<{COMMAND}}{'on disk':>14}{'content':>14}"]
    shown = [clean for cleans in by_tool(facts).values() for clean in cleans if any(one.bytes.files for one in cleans)]
    if not shown:
        lines = [f"{title}: nothing"]
    for clean in shown:
        lines.append(_exact(clean.command, clean.bytes))
        if clean.breaks:
            lines.append(f"    it deletes targets of {_count(clean.breaks, 'soft link')}: environments break")
    return "\n".join([*lines, *(_tools(facts))])


def _exact(command: str, freed: Bytes) -> str:
    name = shortened(visible(command), COMMAND - 3)
    return f"  {name:<{COMMAND - 2}}{freed.allocated:>14,}{freed.apparent:>14,}"


def _tools(facts: Facts) -> Iterator[str]:
    if facts.tools:
        yield ""
        yield _table("cache of another tool", [(f"  {tool.path}", tool.share) for tool in facts.tools], 3)


def _removals(facts: Facts) -> str:
    lines = [f"{'deleting an environment would free':<{COMMAND}}{'alone':>14}{'with clean -a':>14}"]
    for removal in facts.removals:
        name = shortened(visible(removal.command), COMMAND - 3)
        sizes = f"{removal.alone.allocated:>14,}{removal.with_clean.allocated:>14,}"
        lines.append(f"  {name:<{COMMAND - 2}}{sizes}")
    return "\n".join(lines) if facts.removals else ""


def _moves(facts: Facts) -> str:
    lines = []
    for move in facts.moves:
        sizes = f"frees {size_text(move.here.allocated)} here and takes {size_text(move.there.allocated)} there"
        lines += [
            shortened(visible(f"  {move.cache}"), WIDTH),
            f"    {sizes}; no link",
            f"    crosses disks: today's environments, made anew, would take {size_text(move.later)} more",
        ]
    return "\n".join(["moving a package cache to another disk", *lines]) if lines else ""


def _notes(facts: Facts) -> str:
    lines = [f"reached by a link: {link} -> {target}" for link, target in facts.links.items()]
    lines += [f"on another file system: {path}" for path in facts.mounts]
    lines += [f"could not be read, so all sums are lower bounds: {path}" for path in facts.unreadable[:SHOWN]]
    lines += [f"not valid YAML, so not read: {path}" for path in facts.broken_settings]
    if facts.outside.files:
        lines.append(
            f"{size_text(facts.outside.allocated)} in {_count(facts.outside.files, 'file')} have further names outside"
        )
    return "\n".join(shortened(visible(line), WIDTH) for line in lines)
