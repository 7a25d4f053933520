"""Owns the page about a conda installation: what its facts put into the template."""

from collections.abc import Iterator

from slimconda.du.caches import Cache
from slimconda.du.duplicates import LINKED
from slimconda.du.environments import EnvironmentFacts
from slimconda.du.facts import Facts
from slimconda.du.labels import Kind, Sort
from slimconda.du.ledger import NO_SHARE, Share
from slimconda.du.parts import Part
from slimconda.reporters.page import Tile, boxes, render_page

MOST_TILES = 60


def render(facts: Facts) -> str:
    """Return the page. All that comes from the installation is escaped and without control characters."""
    return render_page(
        "du.html.j2",
        facts=facts,
        best=max((clean.bytes.allocated for clean in facts.cleans), default=0),
        tiles=list(boxes(_tiles(facts))),
        caches=[(cache, _rows(cache)) for cache in facts.caches],
        overview=[(environment.path, environment.share) for environment in facts.environments],
        environments=[(environment, list(_packages(environment))) for environment in facts.environments],
        tools=[(tool.path, tool.share) for tool in facts.tools],
        twice=[package for package in facts.repeated if any(place.how != LINKED for place in package.places)],
        notes=list(_notes(facts)),
    )


def _tiles(facts: Facts) -> Iterator[Tile]:
    """Yield parts that add up to the installation's total: the largest ones, and the rest of each kind as one."""
    for part in facts.parts[:MOST_TILES]:
        yield Tile(_label(part, facts), _tile_kind(part), part.bytes.allocated)
    rest = facts.parts[MOST_TILES:]
    for kind, label in (("used", "all smaller packages"), ("residue", "all smaller parts of caches")):
        yield Tile(label, kind, sum(part.bytes.allocated for part in rest if _tile_kind(part) == kind))


def _tile_kind(part: Part) -> str:
    return "used" if part.environments else "residue"


def _label(part: Part, facts: Facts) -> str:
    if not part.environments:
        return f"{part.name} in {part.cache.removeprefix(f'{facts.root}/')}"
    if len(part.environments) > 1:
        return f"{part.name} in {len(part.environments)} environments"
    home = part.environments[0]
    return f"{part.name} in {'the root' if home == facts.root else home.removeprefix(f'{facts.root}/envs/')}"


def _rows(cache: Cache) -> list[tuple[str, Share]]:
    rows = [
        ("archives", cache.parts.get(Kind.ARCHIVE, NO_SHARE)),
        ("extracted, linked with environments", cache.in_use),
        ("extracted, unused", cache.unused),
        *((str(kind), cache.parts.get(kind, NO_SHARE)) for kind in (Kind.INDEX, Kind.PARTIAL, Kind.TRASH, Kind.LOGS)),
        (f"older versions ({len(cache.older)}), of all above", cache.older_share),
    ]
    return [(name, share) for name, share in rows if share.bytes.files]


def _packages(environment: EnvironmentFacts) -> Iterator[tuple[str, Share]]:
    for package in environment.packages:
        by_pip = " (pip)" if package.kind is Kind.PIP_PACKAGE else ""
        yield f"{package.name} {package.version}{by_pip}", package.share
    yield "files of no package", environment.unclaimed
    yield "bytecode (.pyc), of all above", environment.sorts.get(Sort.BYTECODE, NO_SHARE)
    yield "static libraries (.a), of all above", environment.sorts.get(Sort.STATIC, NO_SHARE)


def _notes(facts: Facts) -> Iterator[str]:
    yield from (f"reached by a link: {link} -> {target}" for link, target in facts.links.items())
    yield from (f"on another file system: {path}" for path in facts.mounts)
    yield from (f"could not be read, so all sums are lower bounds: {path}" for path in facts.unreadable)
    yield from (f"not valid YAML, so not read: {path}" for path in facts.broken_settings)
