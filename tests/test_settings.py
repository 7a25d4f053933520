"""Configuration files: the nearest above each Dockerfile, what they extend, overrides by path, the schema."""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from slimconda.config import KEYS, Config
from slimconda.linter import lint
from slimconda.rulebook import load_rules
from slimconda.settings import config_of, schema
from slimconda.source import Source
from tests.test_cli import DIRTY, one_line, slimconda, written

STAGES = b"FROM a AS build\nRUN conda install -y b\nFROM c AS ship\nRUN true\n"


def found(folder: Path, *words: str) -> list[tuple[str, str]]:
    run = slimconda("lint", "--format", "json", "--select", "conda-cache-left", *words, cwd=folder)
    assert run.returncode in {0, 1}, run.stderr
    return [(finding["path"], finding["rule"]) for finding in json.loads(run.stdout)["findings"]]


def test_each_file_has_the_nearest_configuration(tmp_path: Path) -> None:
    for folder in ("", "quiet/", "quiet/deep/", "loud/"):
        written(tmp_path, DIRTY, f"{folder}Dockerfile")
    written(tmp_path, b"ignore = ['conda-cache-left']", "quiet/slimconda.toml")
    written(tmp_path, b"[tool.other]", "quiet/deep/pyproject.toml")
    written(tmp_path, b"[tool.slimconda]\nfail-on = 'error'", "loud/pyproject.toml")
    assert [path for path, _ in found(tmp_path)] == ["Dockerfile", "loud/Dockerfile"]
    assert slimconda("lint", "loud", cwd=tmp_path).returncode == 0
    assert slimconda("lint", "loud", "quiet", cwd=tmp_path).returncode == 0
    assert slimconda("lint", "loud", "Dockerfile", cwd=tmp_path).returncode == 1
    written(tmp_path, b"", "plain.toml")
    assert len(found(tmp_path, "--config", "plain.toml")) == 4


def test_overrides_hold_for_their_paths(tmp_path: Path) -> None:
    for name in ("Dockerfile", "images/gpu/Dockerfile", "images/cpu/Dockerfile"):
        written(tmp_path, DIRTY, name)
    written(
        tmp_path,
        b"[[overrides]]\npaths = ['images/**', '!images/cpu/**']\nignore = ['conda-cache-left']\n"
        b"[[overrides]]\npaths = ['/Dockerfile']\nfail-on = 'error'\n",
        "slimconda.toml",
    )
    assert [path for path, _ in found(tmp_path)] == ["Dockerfile", "images/cpu/Dockerfile"]
    assert [path for path, _ in found(tmp_path / "images")] == ["cpu/Dockerfile"]
    assert slimconda("lint", "Dockerfile", cwd=tmp_path).returncode == 0


def test_extend_gives_what_the_file_lacks_and_ignores_add_up(tmp_path: Path) -> None:
    written(tmp_path, DIRTY, "a/Dockerfile")
    written(tmp_path, b"clean-arguments = '-ay'\nfail-on = 'error'\nignore = ['conda-cache-left']", "base.toml")
    written(tmp_path, b"extend = '../base.toml'\nfail-on = 'info'\nignore = ['unused-ignore']", "a/slimconda.toml")
    assert found(tmp_path) == []
    written(tmp_path, b"clean-arguments = '-ay'\nfail-on = 'error'", "base.toml")
    assert slimconda("lint", cwd=tmp_path).returncode == 1
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a/Dockerfile").read_bytes() == b"FROM a\nRUN conda install -y b=1 && conda clean -ay\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("extend = 'no.toml'", "no.toml: no such configuration file"),
        ("extend = 'slimconda.toml'", "extend goes in a circle"),
        ("extend = 1", "extend must be the path"),
        ("overrides = 1", "overrides must be tables"),
        ("[[overrides]]\nignore = []", "each needs paths"),
        ("[[overrides]]\npaths = ['a']\nextends = 'x'", "overrides: unknown key 'extends'"),
        ("[[overrides]]\npaths = ['a']\nignore = ['conda-cache-lefd']", "did you mean 'conda-cache-left'?"),
        ("override = []", "unknown key 'override' (did you mean 'overrides'?)"),
        ("clean_arguments = '-ay'", "did you mean 'clean-arguments'?"),
        ("qqq = 1", "unknown key 'qqq' (known: select, "),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(tmp_path: Path, text: str, why: str) -> None:
    written(tmp_path, DIRTY)
    written(tmp_path, text.encode(), "slimconda.toml")
    run = slimconda("lint", cwd=tmp_path)
    assert run.returncode == 2
    assert why in one_line(run.stderr)


def test_stages_by_options(tmp_path: Path) -> None:
    written(tmp_path, STAGES)
    assert found(tmp_path) == []
    assert len(found(tmp_path, "--all-stages")) == 1
    assert len(found(tmp_path, "--target", "build")) == 1
    assert slimconda("fix", "--check", "--target", "build", cwd=tmp_path).returncode == 1


def test_exit_zero_is_for_findings_alone(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    assert slimconda("lint", "--exit-zero", cwd=tmp_path).returncode == 0
    assert slimconda("fix", "--check", "--exit-zero", cwd=tmp_path).returncode == 0
    assert slimconda("lint", "--exit-zero", "no-such", cwd=tmp_path).returncode == 2


def accepts(content: dict[str, Any]) -> bool:
    return jsonschema.Draft7Validator(schema(list(load_rules()))).is_valid(content)


def test_the_schema_agrees_with_the_reader(tmp_path: Path) -> None:
    run = slimconda("rules", "--format", "schema", cwd=tmp_path)
    assert json.loads(run.stdout) == schema(list(load_rules()))
    jsonschema.Draft7Validator.check_schema(json.loads(run.stdout))
    written(tmp_path, DIRTY)
    for text in (
        "select = ['conda-cache-left']", "select = ['no']", "extend-select = ['unused-ignore']", "extend-select = ['no']",
        "runtime-image = 'gcr.io/distroless/base:1'", "runtime-image = 'a b'", "runtime-image = ''", "micromamba-image = 'a b'", "select = 1", "fail-on = 'no'", "target = ''", "target = 'x'",
        "all-stages = true", "all-stages = 1", "nothing = 1", "clean-arguments = '-ay'", "[[overrides]]", "overrides = []",
        "[[overrides]]\npaths = ['a']\nignore = ['unused-ignore']", "[[overrides]]\npaths = []", "extend = 1",
    ):  # fmt: skip
        written(tmp_path, text.encode(), "slimconda.toml")
        assert (slimconda("lint", cwd=tmp_path).returncode != 2) == accepts(tomllib.loads(text)), text


def test_the_schema_describes_every_key() -> None:
    assert all(len(str(key.schema["description"])) > 10 for key in KEYS.values())


@pytest.fixture
def without_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take conda-cache-left for a rule that is off by default."""
    rules = load_rules()
    changed = {**rules, "conda-cache-left": replace(rules["conda-cache-left"], default=False)}
    monkeypatch.setattr("slimconda.linter.load_rules", lambda: changed)


@pytest.mark.parametrize(
    ("config", "found"),
    [
        (Config(), ["conda-unpinned", "unused-ignore"]),
        (Config(select=frozenset({"conda-cache-left"})), ["conda-cache-left"]),
        (Config(select=frozenset({"conda-unpinned"})), ["conda-unpinned"]),
        (
            Config(extend_select=frozenset({"conda-cache-left"})),
            ["conda-cache-left", "conda-unpinned", "unused-ignore", "unused-ignore"],
        ),
        (
            Config(select=frozenset({"conda-unpinned"}), extend_select=frozenset({"conda-cache-left"})),
            ["conda-cache-left", "conda-unpinned"],
        ),
        (
            Config(ignore=frozenset({"conda-cache-left"}), extend_select=frozenset({"conda-cache-left"})),
            ["conda-unpinned", "unused-ignore"],
        ),
    ],
)
def test_a_rule_that_is_off_runs_only_by_its_name(without_default: None, config: Config, found: list[str]) -> None:
    text = b"FROM a\n# slimconda: ignore[conda-cache-left, no-rule]\nRUN true\nRUN conda install -y b\n"
    report = lint(Source("Dockerfile", text), config)
    assert sorted(finding.rule for finding in report.open) == found


def test_selected_beside_the_others_adds_up(tmp_path: Path) -> None:
    written(tmp_path, b"extend-select = ['conda-unpinned']", "above.toml")
    written(tmp_path, b"extend = 'above.toml'\nextend-select = ['mkl-not-needed']", "slimconda.toml")
    config = config_of(tmp_path / "Dockerfile", frozenset(load_rules()))
    assert config.extend_select == {"conda-unpinned", "mkl-not-needed"}


def test_selecting_beside_the_others_by_option(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    narrow = ("lint", "--format", "concise", "--select", "unused-ignore")
    assert slimconda(*narrow, cwd=tmp_path).returncode == 0
    assert slimconda(*narrow, "--extend-select", "conda-cache-left", cwd=tmp_path).returncode == 1
    assert slimconda(*narrow, "--extend-select", "no", cwd=tmp_path).returncode == 2
