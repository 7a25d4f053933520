"""The recorded listings of real conda, mamba and rattler builds, against the table in their README."""

from __future__ import annotations

import re

import pytest

from slimconda.layers.image import Image, Layer, LayerFile, analyse
from slimconda.layers.tar import Kind
from tests.images import FIXTURES, LISTINGS, load_listing

# case, layer: stored, residue, touching. The README counts regular files alone, so symlink targets are left out.
TRUTH = {
    ("base-raw", 1): (170_355_902, 35_012_285, 144_843_446),
    ("base-all", 1): (146_838_328, 7_075_288, 116_906_449),
    ("base-afy", 1): (139_763_040, 0, 0),
    ("base-rm", 1): (135_343_617, 0, 0),
    ("inst-none", 2): (125_625_731, 20_546_124, 123_751_838),
    ("inst-all", 2): (105_942_635, 863_028, 104_068_742),
    ("inst-afy", 2): (105_079_607, 0, 0),
    ("inst-later", 2): (125_625_731, 20_546_124, 123_751_838),
    ("inst-later", 3): (0, 0, 0),
    ("copy", 2): (228_831_452, 123_751_838, 123_751_838),
    ("copy-all", 2): (105_079_821, 207, 207),
    ("cachemnt", 2): (105_079_607, 0, 0),
    ("soft", 2): (192_244_415, 123_751_838, 123_751_838),
    ("d-dl2", 2): (70_341_122, 70_204_710, 70_204_710),
    ("d-dl2", 3): (59_083_467, 14_098, 58_649_027),
    ("env-raw", 2): (117_660_425, 11_571_767, 98_549_383),
    ("f-chown2", 2): (280_187_052, 144_843_446, 144_843_446),
    ("f-env3n", 2): (129_751_923, 28_082_688, 115_060_304),
    ("f-env3n", 3): (101_540_092, 14_636, 86_992_252),
    ("f-env3c", 2): (101_669_235, 0, 0),
    ("f-env3c", 3): (101_525_456, 0, 0),
    ("f-env3f", 2): (116_215_277, 0, 0),
    ("f-find", 2): (174_785_587, 23_420_483, 173_609_015),
    ("f-findafy", 2): (151_365_104, 0, 0),
    ("e-pip2", 2): (90_020_666, 16_822_577, 16_822_577),
    ("nr", 3): (8_875, 0, 0),
    ("nr", 4): (0, 0, 0),
    ("nr", 5): (108_266_682, 6_742_426, 35_085_113),
    ("m-none", 1): (134_153_306, 28_683_875, 117_713_723),
    ("m-a", 1): (112_518_087, 7_048_656, 96_078_504),
    ("m-af", 1): (105_469_431, 0, 0),
    ("m-copy", 1): (201_547_949, 96_078_504, 96_078_504),
    ("rat", 2): (96_800_579, 6_920_692, 89_762_995),
}
CACHE_PATH = re.compile(r"/pkgs/|/\.cache/(conda|pip|rattler)/")
# What a real clean left of the same install: the listing before it, the one after it, and who is right about it.
CLEANED = [("base-raw", "base-all", "all"), ("inst-none", "inst-all", "all"), ("inst-none", "inst-afy", "force")]
CLEANED += [("copy", "copy-all", "all"), ("m-none", "m-af", "force"), ("m-none", "m-a", "all")]


def opened(case: str) -> dict[int, Layer]:
    layers = list(load_listing(FIXTURES / "listings" / f"{case}.jsonl.gz"))
    image = analyse(case, [(source, members) for _, source, members in layers])
    return {index: layer for (index, _, _), layer in zip(layers, image.layers, strict=True)}


def image_of(case: str) -> Image:
    listing = load_listing(FIXTURES / "listings" / f"{case}.jsonl.gz")
    return analyse(case, [(source, members) for _, source, members in listing])


def regular(layer: Layer) -> list[LayerFile]:
    return [file for file in layer.files if file.kind is Kind.FILE]


def test_every_listing_is_in_the_table() -> None:
    assert {case for case, _ in TRUTH} == {path.name.removesuffix(".jsonl.gz") for path in LISTINGS}


@pytest.mark.parametrize("case", sorted({case for case, _ in TRUTH}))
def test_links_and_sizes(case: str) -> None:
    """The README's own pattern of paths, over our link groups."""
    for index, layer in opened(case).items():
        inside = [[bool(CACHE_PATH.search(path)) for path in file.paths] for file in regular(layer)]
        stored = sum(file.size for file in regular(layer))
        residue = sum(file.size for file, hits in zip(regular(layer), inside, strict=True) if all(hits))
        touching = sum(file.size for file, hits in zip(regular(layer), inside, strict=True) if any(hits))
        assert (stored, residue, touching) == TRUTH[case, index]
        assert layer.size == stored + layer.symlinks


@pytest.mark.parametrize("case", sorted({case for case, _ in TRUTH} - {"e-pip2"}))
def test_caches_are_found_by_their_marks(case: str) -> None:
    """No path is known beforehand, and the same bytes come out; pip's cache is not conda's."""
    for index, layer in opened(case).items():
        _, residue, touching = TRUTH[case, index]
        inside = [file for file in layer.files if all(CACHE_PATH.search(path) for path in file.paths)]
        symlinks = sum(file.size for file in inside if file.kind is Kind.SYMLINK)
        cache, other = layer.cache, layer.residue.get("rattler-cache-left")
        foreign = other.bytes if other else 0  # no clean of conda's reaches it
        assert (foreign > 0) == (case == "rat")
        assert cache.archives + cache.extracted + cache.index + cache.needed + foreign == residue + symlinks
        assert sum(part.bytes for part in layer.residue.values()) == residue + symlinks
        assert layer.clean.force + foreign == residue + symlinks
        shared = sum(
            file.size
            for file in layer.files
            if file.kind is Kind.SYMLINK
            and 0 < sum(bool(CACHE_PATH.search(path)) for path in file.paths) < len(file.paths)
        )
        assert cache.shared == touching - residue + shared


@pytest.mark.parametrize(("before", "after", "how"), CLEANED)
def test_clean_predicts_what_a_real_clean_removed(before: str, after: str, how: str) -> None:
    (first,), (second,) = opened(before).values(), opened(after).values()
    left = first.clean.force - getattr(first.clean, how)
    assert left == second.clean.force


def test_later_clean_frees_nothing() -> None:
    installed, cleaned = opened("inst-later").values()
    assert {rule: part.bytes for rule, part in installed.residue.items()} == {"conda-clean-in-later-layer": 20_546_124}
    assert installed.dead == 20_546_124
    assert cleaned.size == 0
    assert cleaned.residue == {}


def test_copied_up_cache_counts_once() -> None:
    downloaded, installed = opened("d-dl2").values()
    assert {rule: part.bytes for rule, part in downloaded.residue.items()} == {"conda-cache-left": 70_204_710}
    assert downloaded.dead == 58_650_796
    assert {rule: part.bytes for rule, part in installed.residue.items()} == {"conda-cache-left": 14_098}


def test_soft_links_make_files_needed() -> None:
    image = image_of("soft")
    (layer,) = image.layers
    assert layer.residue["conda-cache-left"].needed == 38_501_357
    assert image.totals.reclaimable == 85_250_481


def test_places_have_names() -> None:
    image = image_of("m-none")
    assert image.prefixes == ("/opt/conda/envs/e",)
    assert image.caches == ("/opt/conda/pkgs",)
    assert image.layers[0].residue["conda-cache-left"].paths[0].endswith("/numpy-2.2.6-py311_0.conda")


def test_the_cache_of_pip_is_measured() -> None:
    """facts: a wheel of 16.8 MB leaves 16.82 MB."""
    (layer,) = opened("e-pip2").values()
    assert layer.residue["pip-cache-left"].bytes == 16_822_577
