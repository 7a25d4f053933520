"""What inspect measured is said at the lines that lint finds."""

import json
from pathlib import Path

import pytest

from tests.test_cli import DIRTY, one_line, slimconda, written

LAYERS = b"FROM a\nRUN true && \\\n  conda install -y b=1\nRUN pip install c\n"


def saved(folder: Path, *findings: dict[str, object]) -> Path:
    return written(folder, json.dumps({"version": 1, "findings": findings}).encode(), "image.json")


def messages(folder: Path) -> list[str]:
    run = slimconda("lint", "--format", "json", "--measured", "image.json", "--ignore", "conda-unpinned", cwd=folder)
    assert run.returncode == 1, run.stderr
    return [finding["message"] for finding in json.loads(run.stdout)["findings"]]


def test_a_figure_goes_to_its_rule_else_to_the_first_warning_of_the_instruction(tmp_path: Path) -> None:
    written(tmp_path, LAYERS, "images/Dockerfile")
    written(tmp_path, LAYERS, "Dockerfile")
    place = {"path": "./images/Dockerfile", "layer": 1, "bytes": 12_345_678}
    saved(
        tmp_path,
        {"rule": "conda-clean-in-later-layer", "line": 2, **place},
        {"rule": "pip-cache-left", "line": 4, **place, "bytes": 5},
        {"rule": "pip-cache-left", "line": 1, **place},
        {"rule": "pip-cache-left", "line": None, **place},
    )
    assert messages(tmp_path) == [
        "conda install leaves its package cache in this layer",
        "pip install leaves its cache in this layer",
        "conda install leaves its package cache in this layer: 12.3 MB in the image",
        "pip install leaves its cache in this layer: 5 B in the image",
    ]


def test_a_figure_changes_no_fingerprint(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    saved(tmp_path, {"rule": "conda-cache-left", "line": 2, "path": "Dockerfile", "bytes": 9})
    slimconda("lint", "--baseline", "base.json", "--update-baseline", "--measured", "image.json", cwd=tmp_path)
    assert slimconda("lint", "--baseline", "base.json", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"version": 2, "findings": []}', '{"version": 1, "findings": [{"line": 1}]}', "[" * 9999,
     '{"version": 1, "findings": [{"line": "x", "rule": "a", "path": "b", "bytes": 1}]}'],
)  # fmt: skip
def test_another_file_is_one_line_and_exit_2(tmp_path: Path, text: str) -> None:
    written(tmp_path, DIRTY)
    written(tmp_path, text.encode(), "image.json")
    run = slimconda("lint", "--measured", "image.json", cwd=tmp_path)
    assert run.returncode == 2
    assert "image.json: not what slimconda inspect --format json wrote" in one_line(run.stderr)
    assert "no.json: No such file" in one_line(slimconda("lint", "--measured", "no.json", cwd=tmp_path).stderr)
