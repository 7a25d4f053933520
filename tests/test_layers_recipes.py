"""Each recipe of fixtures/images, through archives of every form, against what is true of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from slimconda.layers.image import Image, open_image
from slimconda.layers.residue import CacheBytes
from tests.images import FORMS, RECIPES, load_recipe, oci_files

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe(recipe: Path, form: str, tmp_path: Path) -> None:
    loaded = load_recipe(recipe)
    archive = tmp_path / "image.tar"
    archive.write_bytes(FORMS[form](loaded.tars()))
    image = open_image(str(archive))
    assert facts(image, loaded.expect) == loaded.expect
    assert [layer.created_by for layer in image.layers] == [f"RUN layer {i}" for i in range(len(loaded.layers))]
    assert all(layer.size == layer.live + layer.dead for layer in image.layers)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda path: path.stem)
def test_recipe_as_folder(recipe: Path, tmp_path: Path) -> None:
    loaded = load_recipe(recipe)
    for name, data in oci_files(loaded.tars()).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    assert facts(open_image(str(tmp_path)), loaded.expect) == loaded.expect


def told(cache: CacheBytes, wanted: dict[str, int]) -> dict[str, int]:
    """Return the kinds that are wanted; what is not named shall be nothing."""
    return {kind: size for kind, size in vars(cache).items() if size or kind in wanted}


def facts(image: Image, wanted: dict[str, Any]) -> dict[str, Any]:
    found = {
        "sizes": [layer.size for layer in image.layers],
        "live": [layer.live for layer in image.layers],
        "residue": [{rule: part.bytes for rule, part in layer.residue.items()} for layer in image.layers],
        "needed": [sum(part.needed for part in layer.residue.values()) for layer in image.layers],
        "cache": [
            told(layer.cache, kinds) for layer, kinds in zip(image.layers, wanted.get("cache", ()), strict=False)
        ],
        "clean": [vars(layer.clean) for layer in image.layers],
        "prefixes": list(image.prefixes),
        "caches": list(image.caches),
    }
    return {key: found[key] for key in wanted}
