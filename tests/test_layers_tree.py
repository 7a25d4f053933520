"""Random stacks of layers against a simulation that knows no tree; and that a large layer stays fast."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from slimconda.layers.image import analyse
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.layers.tree import Tree, normalise

NAMES = st.sampled_from(["a", "b", "c", "pkgs", "urls", "x-1-0.conda"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
FILES = st.builds(lambda path, size: Member(path, Kind.FILE, size, ""), PATHS, st.integers(0, 1000))
LINKS = st.builds(lambda path, target: Member(path, Kind.HARD_LINK, 0, target), PATHS, PATHS)
SYMLINKS = st.builds(lambda path, target: Member(path, Kind.SYMLINK, len(target), target), PATHS, PATHS)
FOLDERS = st.builds(lambda path: Member(path, Kind.DIRECTORY, 0, ""), PATHS)
WHITEOUTS = st.builds(lambda path: Member(whiteout(path), Kind.FILE, 0, ""), PATHS)
OPAQUES = st.builds(lambda path: Member(f"{path}/.wh..wh..opq", Kind.FILE, 0, ""), PATHS)
LAYERS = st.lists(st.lists(FILES | LINKS | SYMLINKS | FOLDERS | WHITEOUTS | OPAQUES, max_size=12), max_size=5)
SOURCE = LayerSource("", "", "")


def whiteout(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.wh.{name}".lstrip("/")


@dataclass
class Stored:
    layer: int
    size: int


def simulate(layers: list[list[Member]]) -> tuple[list[int], list[int]]:
    """Return stored and live bytes of each layer, by one dictionary of paths and prefix scans."""
    merged: dict[str, Stored | None] = {}  # None is a directory
    sizes = []
    for index, members in enumerate(layers):
        for member in members:
            folder, _, name = member.path.rpartition("/")
            if name == ".wh..wh..opq":
                hide(merged, folder, itself=True)
            elif name.startswith(".wh."):
                hide(merged, f"{folder}/{name[4:]}".lstrip("/"), itself=True)
        own = entries(index, [plain(member) for member in members if plain(member).path])
        for path, stored in own.items():
            if stored is not None:
                hide(merged, path, itself=True)
            elif merged.get(path) is not None:
                merged.pop(path)
        merged.update(own)
        sizes.append(sum({id(stored): stored.size for stored in own.values() if stored}.values()))
    seen = {id(stored): stored for stored in merged.values() if stored}
    live = [sum(s.size for s in seen.values() if s.layer == index) for index in range(len(layers))]
    return sizes, live


def plain(member: Member) -> Member:
    """Return an entry as it is, and the folder that a marker stands in."""
    if "/.wh." not in f"/{member.path}":
        return member
    return Member(member.path.rpartition("/")[0], Kind.DIRECTORY, 0, "")


def hide(merged: dict[str, Stored | None], path: str, *, itself: bool) -> None:
    for other in list(merged):
        if other.startswith(f"{path}/") or (itself and other == path):
            merged.pop(other)


def put(own: dict[str, Stored | None], path: str, stored: Stored | None) -> None:
    parts = path.split("/")
    for end in range(1, len(parts)):
        folder = "/".join(parts[:end])
        if own.get(folder) is not None:
            own.pop(folder)
        own[folder] = None
    if stored is not None:
        if own.get(path) is stored:
            return
        hide(own, path, itself=True)
    elif own.get(path) is not None:
        own.pop(path)
    own[path] = stored


def entries(index: int, members: list[Member]) -> dict[str, Stored | None]:
    """Return what the members of one layer leave, as an extraction into an empty folder would."""
    own: dict[str, Stored | None] = {}
    later: list[Member] = []

    for member in members:
        if member.kind is Kind.DIRECTORY:
            put(own, member.path, None)
        elif member.kind is not Kind.HARD_LINK:
            put(own, member.path, Stored(index, member.size))
        elif (target := own.get(member.target)) is not None:
            put(own, member.path, target)
        else:
            later.append(member)
    targets = {member.path: member.target for member in later}
    for member in later:
        path, seen = member.target, {member.path}
        while path in targets and path not in seen and own.get(path) is None:
            seen.add(path)
            path = targets[path]
        put(own, member.path, own.get(path) or Stored(index, 0))
    return own


def tidy(members: list[Member]) -> list[Member]:
    """Leave out what stands below a non-directory of the same layer: Docker refuses such a tar."""
    leaves = {
        member.path for member in members if member.kind is not Kind.DIRECTORY and "/.wh." not in f"/{member.path}"
    }
    return [
        member
        for member in members
        if "/.wh." in f"/{member.path}" or not any(member.path.startswith(f"{leaf}/") for leaf in leaves)
    ]


DRESSES = st.sampled_from(["{}", "./{}", "/{}", "a/../{}", ".//{}", "b/./../{}"])


@given(st.lists(LAYERS.map(lambda layers: [member for layer in layers for member in layer]), max_size=3), st.data())
def test_a_path_may_be_written_in_many_ways(layers: list[list[Member]], data: st.DataObject) -> None:
    """Each path and each target dressed at random means what the plain one means."""

    def dressed(member: Member) -> Member:
        target = data.draw(DRESSES).format(member.target) if member.kind is Kind.HARD_LINK else member.target
        path = data.draw(DRESSES).format(member.path) + ("/" if member.kind is Kind.DIRECTORY else "")
        return member._replace(path=path, target=target)

    plainly = analyse("x", [(SOURCE, members) for members in layers])
    found = analyse("x", [(SOURCE, [dressed(member) for member in members]) for members in layers])
    assert [layer.files for layer in found.layers] == [layer.files for layer in plainly.layers]
    assert [layer.visible for layer in found.layers] == [layer.visible for layer in plainly.layers]


@given(LAYERS)
def test_any_members_give_sums_that_agree(layers: list[list[Member]]) -> None:
    for layer in analyse("x", [(SOURCE, members) for members in layers]).layers:
        assert layer.live == sum(file.size for file in layer.files if file.live) <= layer.size


@given(LAYERS.map(lambda layers: [tidy(members) for members in layers]))
def test_layers_are_accounted_for(layers: list[list[Member]]) -> None:
    image = analyse("x", [(SOURCE, members) for members in layers])
    sizes, live = simulate(layers)
    assert [layer.size for layer in image.layers] == sizes
    assert [layer.live for layer in image.layers] == live
    for layer in image.layers:
        assert layer.size == layer.live + layer.dead == sum(file.size for file in layer.files)
        residue = sum(part.bytes for part in layer.residue.values())
        cache = layer.cache
        assert residue == cache.archives + cache.extracted + cache.index + cache.needed == layer.clean.force
        assert layer.clean.all <= layer.clean.force <= layer.size
    assert image.totals.reclaimable <= image.totals.residue <= image.size


@given(st.text(alphabet="/.ab", max_size=12))
def test_normalised_paths_stay_inside(path: str) -> None:
    clean = normalise(path)
    assert normalise(clean) == clean
    assert not {"", ".", ".."}.intersection(clean.split("/") if clean else ())


def test_a_large_layer_is_linear() -> None:
    names = [f"opt/{i % 97}/{i % 1009}/{i}" for i in range(30_000)]
    lower = [Member(name, Kind.FILE, 1, "") for name in names]
    links = [Member(f"pkgs/{name}", Kind.HARD_LINK, 0, name) for name in names]
    started = time.process_time()
    tree = Tree()
    tree.apply([*lower, *links])
    tree.apply([Member(f"opt/{i}/.wh..wh..opq", Kind.FILE, 0, "") for i in range(97)] + lower)
    assert time.process_time() - started < 10
    assert [sum(inode.size for inode in layer if inode.alive) for layer in tree.layers] == [30_000, 30_000]


def test_deep_paths_do_not_exhaust_the_stack() -> None:
    deep = "/".join(["d"] * 5000)
    image = analyse("x", [(SOURCE, [Member(deep, Kind.FILE, 3, "")]), (SOURCE, [Member(".wh.d", Kind.FILE, 0, "")])])
    assert image.totals.dead == 3
