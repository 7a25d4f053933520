"""Environment files in the commands: which are found, pragmas, baselines, places in reports, and limits."""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from slimconda.cli import make_app
from slimconda.config import Config
from slimconda.environments.file import EnvironmentFile
from slimconda.environments.read import read_kind
from slimconda.environments.toml_places import TomlError, read_toml
from slimconda.environments.yaml_nodes import LARGEST_LOCK
from slimconda.errors import InputError
from slimconda.kinds import Kind, kind_of
from slimconda.linter import lint_environment
from slimconda.source import Source

TWICE = Config(select=frozenset({"package-given-twice", "conda-unpinned", "unused-ignore"}))


def run(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(make_app(), list(words))
    return result.exit_code, result.stdout, result.stderr


def open_rules(text: str, path: str = "environment.yml") -> list[str]:
    return [finding.rule for finding in lint_environment(Source(path, text.encode()), TWICE).open]


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("a/environment.yml", "", Kind.ENVIRONMENT),
        ("env-dev.environment.yaml", "", Kind.ENVIRONMENT),
        ("env.yml", "dependencies:\n- a\n", Kind.ENVIRONMENT),
        ("spec.yaml", "channels: [a]\ndependencies: [b]\n", Kind.ENVIRONMENT),
        ("pubspec.yaml", "dependencies:\n  http: 1\n", None),
        ("Chart.yaml", "dependencies:\n- name: redis\n", None),
        ("python_env.yaml", "build_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n", None),
        ("env.yml", "a: 1\n", None),
        ("conda-lock.yml", "", Kind.CONDA_LOCK),
        ("py311.conda-lock.yml", "", Kind.CONDA_LOCK),
        ("pixi.toml", "", Kind.PIXI),
        ("pyproject.toml", "[tool.pixi.workspace]\n", Kind.PIXI),
        ("pyproject.toml", "[project]\n", None),
        ("pixi.lock", "", Kind.PIXI_LOCK),
        ("poetry.lock", "", None),
        ("conda-linux-64.lock", "# x\n@EXPLICIT\n", Kind.EXPLICIT),
        ("requirements.txt", "", Kind.REQUIREMENTS),
        ("requirements-dev.in", "", Kind.REQUIREMENTS),
        ("notes.txt", "", None),
        ("Dockerfile", "@EXPLICIT\n", None),
    ],
)
def test_kinds(path: str, text: str, kind: Kind | None) -> None:
    assert kind_of(path, text.encode()) is kind


def test_a_folder_has_what_its_dockerfiles_name(tmp_path: Path) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app/Dockerfile").write_text("FROM a\nCOPY conf/env.yml spec.txt ./\nRUN mamba env create -f env.yml\n")
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY other.yml requirements.txt /\n")
    (tmp_path / "conf").mkdir()
    for name in ("conf/env.yml", "conf/not-named-env.yml", "other.yml"):
        (tmp_path / name).write_text("channels: [a]\ndependencies: [numpy]\n")
    (tmp_path / "app/spec.txt").write_text("@EXPLICIT\nnumpy\n")
    (tmp_path / "requirements.txt").write_text("numpy\n")
    _, shown, _ = run("lint", "--format", "json", str(tmp_path))
    paths = {Path(finding["path"]).relative_to(tmp_path).as_posix() for finding in json.loads(shown)["findings"]}
    assert paths - {"app/Dockerfile"} == {"conf/env.yml", "app/spec.txt"}


def test_pixi_files_beside_a_dockerfile_that_uses_pixi(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nCOPY . .\nRUN pixi install\n")
    (tmp_path / "pixi.toml").write_text("[dependencies\n")
    code, shown, _ = run("lint", "--select", "environment-file-broken", str(tmp_path))
    assert code == 1
    assert "pixi.toml:1:14: error[environment-file-broken] invalid TOML" in shown


PRAGMAS = [
    "dependencies:\n# slimconda: ignore[conda-unpinned] newest\n- numpy\n",
    "dependencies:\n- numpy  # slimconda: ignore[conda-unpinned]\n",
    "# slimconda: ignore[conda-unpinned] all of it\ndependencies:\n- numpy\n- a=1\n- scipy\n",
    "# slimconda: file-ignore[conda-unpinned]\ndependencies: [numpy]\n",
    "dependencies: [numpy]  # slimconda: ignore[conda-unpinned]\n",
    "name: '# slimconda: ignore[nothing]'\ndependencies: [numpy=1]\n",
    "dependencies:\n- a=1\n# slimconda: ignore[conda-unpinned]\n- pip:\n  - numpy\n  - scipy\n",
]


@pytest.mark.parametrize("text", PRAGMAS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_pragma_silences(text: str, end: str) -> None:
    assert open_rules(text.replace("\n", end)) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("requirements.txt", "# slimconda: ignore[conda-unpinned]\nnumpy\n"),
        ("requirements.txt", "numpy  # slimconda: ignore[conda-unpinned]\n"),
        ("pixi.toml", "[dependencies]\n# slimconda: ignore[conda-unpinned]\nnumpy = '*'\n"),
        ("pixi.toml", "# slimconda: ignore[conda-unpinned]\n[dependencies]\nnumpy = '*'\na = '1'\nb = '*'\n"),
        ("pixi.toml", "[dependencies]\nnumpy = '*' # slimconda: ignore[conda-unpinned]\n"),
    ],
)
def test_a_pragma_silences_in_each_language(path: str, text: str) -> None:
    assert open_rules(text, path) == []


def test_a_pragma_that_silences_nothing_is_told() -> None:
    text = "dependencies:\n# slimconda: ignore[conda-unpinned, no-rule]\n- numpy=1\n"
    found = lint_environment(Source("environment.yml", text.encode()), Config()).findings
    assert [(finding.rule, finding.message) for finding in found] == [
        ("unused-ignore", "conda-unpinned finds nothing here"),
        ("unused-ignore", "there is no rule 'no-rule'"),
    ]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("environment.yml", "dependencies:\r\n  - numpy=1\r\n  - pip:\r\n      - numpy==2\r\n"),
        ("environment.yml", "dependencies: [a, b]\n"),
        ("environment.yml", "\ufeffdependencies: [a, b]\n"),
        ("requirements.txt", "a\n  b\n"),
        ("pixi.toml", "[dependencies]\na = '*'\n"),
    ],
)
def test_pragmas_are_written(name: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(text.encode())
    options = ["--select", "conda-unpinned", "--select", "package-given-twice", str(path)]
    code, _, said = run("lint", "--add-ignores", "--reason", "not now", *options)
    assert (code, "ignored by pragmas" in said) == (0, True)
    assert b"# slimconda: ignore[" in path.read_bytes()
    assert len(path.read_bytes().splitlines()) == len(text.encode().splitlines()) + 1
    assert run("lint", "--fail-on", "info", *options)[0] == 0


def test_a_baseline_accepts(tmp_path: Path) -> None:
    path, baseline = tmp_path / "environment.yml", str(tmp_path / "b.json")
    path.write_text("dependencies: [numpy]\n")
    run("lint", "--baseline", baseline, "--update-baseline", str(path))
    path.write_text("# later\nname: x\ndependencies: [numpy]\n")
    code, shown, _ = run("lint", "--fail-on", "info", "--baseline", baseline, str(path))
    assert (code, "1 in the baseline" in shown) == (0, True)


def places(name: str, text: str, tmp_path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    path = tmp_path / name
    path.write_bytes(text.encode())
    (found,) = json.loads(run("lint", "--format", "json", str(path))[1])["findings"]
    (run_,) = json.loads(run("lint", "--format", "sarif", str(path))[1])["runs"]
    return found, run_["results"][0]["locations"][0]["physicalLocation"]["region"]


def test_places_are_exact(tmp_path: Path) -> None:
    found, region = places(
        "environment.yml", "name: \u00e9\r\ndependencies:\r\n  - \u00e9=1\r\n  - 'numpy'\r\n", tmp_path
    )
    assert [found[key] for key in ("line", "column", "end_line", "end_column")] == [4, 5, 4, 12]
    assert [region[key] for key in ("startLine", "startColumn", "endLine", "endColumn")] == [4, 5, 4, 12]


@pytest.mark.parametrize("files", [{"r.txt": "-r r.txt\n"}, {"r.txt": "-r s.txt\n", "s.txt": "--requirement=r.txt\n"}])
def test_a_cycle_of_requirements_ends(files: dict[str, str], tmp_path: Path) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "environment.yml").write_text("dependencies:\n- pip:\n  - -r r.txt\n")
    code, shown, said = run("lint", str(tmp_path / "environment.yml"))
    assert (code, shown) == (2, "")
    assert said == f"slimconda: {tmp_path}/environment.yml:3: r.txt names itself by -r\n"


def test_a_wide_tree_of_requirements_ends(tmp_path: Path) -> None:
    for number in range(60):
        (tmp_path / f"r{number}.txt").write_text(f"-r r{number + 1}.txt\n" * 2)
    (tmp_path / "environment.yml").write_text("dependencies:\n- pip:\n  - -r r0.txt\n")
    code, _, said = run("lint", str(tmp_path / "environment.yml"))
    assert (code, said.count("\n")) == (2, 1)


@pytest.mark.parametrize("kind", [Kind.CONDA_LOCK, Kind.PIXI_LOCK, Kind.PIXI, Kind.REQUIREMENTS, Kind.EXPLICIT])
def test_hostile_files_cost_nothing(kind: Kind) -> None:
    hostile = [
        b"[" * 900_000,
        b"a = " + b"[" * 90_000,
        b"a" * (LARGEST_LOCK + 1),
        b"- " * 90_000,
        b'a = "' + b"\\" * 90_000,
    ]
    started = time.process_time()
    for data in hostile:
        assert isinstance(read_kind(kind, data), EnvironmentFile)
    assert time.process_time() - started < 5


@given(some.sampled_from(list(Kind)), some.binary(max_size=80) | some.text(max_size=80).map(str.encode))
def test_any_bytes_are_read_or_refused(kind: Kind, data: bytes) -> None:
    file = read_kind(kind, data, lambda _name: data)
    for mistake in (*file.mistakes, *([file.unread] if file.unread else [])):
        assert 0 <= mistake.span.start <= mistake.span.end <= max(1, len(data))
    lint_environment(Source(kind.value, data, lambda _name: None), Config()) if file.unread is None else None


TOML = """\
title = "a # b"  # c
"x.y".z = 'd'
[tool.pixi.dependencies]
a = "*"
b = { version = ">=1", channel = "c" }
list = [ "one",  # first
  "two", ]
text = \"\"\"
[not.a.table]
\"\"\"
date = 1979-05-27 07:32:00
[[array]]
n = 1_000
"""


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_toml_has_places(end: str) -> None:
    data = TOML.replace("\n", end).encode()
    toml = read_toml(data)
    shown = {path: data[span.start : span.end].decode() for path, span in toml.values.items()}
    pixi = ("tool", "pixi", "dependencies")
    assert shown["title",] == '"a # b"'
    assert shown["x.y", "z"] == "'d'"
    assert shown[*pixi, "a"] == '"*"'
    assert shown[*pixi, "b", "version"] == '">=1"'
    assert shown[*pixi, "list", "1"] == '"two"'
    assert shown[*pixi, "date"] == "1979-05-27 07:32:00"
    assert shown["array", "n"] == "1_000"
    assert ("not", "a", "table") not in shown


def test_inline_tables_of_toml_1_1_are_read() -> None:
    toml = read_toml(b"[tasks]\na = {\n  # why\n  cmd = \"x\",\n  env = { A = '}' },\n}\nb = 1\n")
    assert toml.content == {"tasks": {"a": {"cmd": "x", "env": {"A": "}"}}, "b": 1}}
    with pytest.raises(TomlError, match="invalid TOML"):
        read_toml(b"a = {\n  b c\n}\n")


LONG = 10_000


@pytest.mark.parametrize(
    "data",
    [
        b"dependencies:\n" + b"- a\n" * LONG,
        b"dependencies:\n" + b"".join(b"- a=%d\n" % number for number in range(LONG)),
        b"dependencies:\n" + b"# # " * LONG + b"slimconda: ignore[x]\n- a\n",
        b"dependencies:\n" + b"- a # slimconda: ignore[x]\n" * (LONG // 10),
        b"dependencies:\n- '" + b" " * LONG + b",a'\n- " + b"a" * LONG + b"/\n",
        b"dependencies:\n- pip:\n  - " + b"a" * LONG + b"/\n  - a" + b" " * LONG + b"/\n",
        b"dependencies:\n- pip:\n" + b"  - -r r.txt\n" * LONG,
    ],
    ids=["equal", "other versions", "hashes", "pragmas", "long words", "long requirements", "one file often"],
)
def test_large_lists_take_no_more_than_linear_time(data: bytes) -> None:
    started = time.process_time()
    with suppress(InputError):  # one of them leads to too many files
        lint_environment(Source("environment.yml", data, lambda _name: b"a\n" * 1000), Config())
    assert time.process_time() - started < 10


@pytest.mark.parametrize("path", ["environment.yml", "requirements.txt"])
def test_utf_16_is_not_called_broken(path: str) -> None:
    with pytest.raises(InputError, match="UTF-16, which is not read"):
        lint_environment(Source(path, "dependencies: [a]\n".encode("utf-16")), Config())
