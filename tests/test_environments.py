"""Environment files: what is read, where it stands, and that hostile files cost nothing."""

import time
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from slimconda.cli import make_app
from slimconda.config import Config
from slimconda.environments.environment import read_environment
from slimconda.environments.file import Entry
from slimconda.environments.yaml_nodes import LARGEST_YAML, YamlError, read_yaml
from slimconda.linter import lint_environment
from slimconda.source import Source

WHOLE = b"""\
# the environment of the service
name: "s\xc3\xa9rvice"
channels: [conda-forge, 'nodefaults']
dependencies:
  - python=3.11   # pinned
  - "numpy >=1.20,<2"
  - conda-forge::pip
  - pip:
      - -r requirements.txt
      - requests==2.32.3
variables:
  A: 1
"""


def texts(entries: tuple[Entry, ...]) -> list[str]:
    return [entry.text for entry in entries]


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "BOM"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
def test_a_whole_file(start: bytes, end: bytes) -> None:
    data = start + WHOLE.replace(b"\n", end)
    file = read_environment(data)
    assert file.mistakes == ()
    assert file.name is not None
    assert file.name.text == "s\xe9rvice"
    assert texts(file.channels) == ["conda-forge", "nodefaults"]
    assert texts(file.dependencies) == ["python=3.11", "numpy >=1.20,<2", "conda-forge::pip"]
    assert file.pip is not None
    assert texts(file.pip.requirements) == ["-r requirements.txt", "requests==2.32.3"]
    assert file.runs_pip
    source = Source("environment.yml", data)
    assert source.text(file.name.span) == '"s\xe9rvice"'
    assert [source.text(entry.span) for entry in file.channels] == ["conda-forge", "'nodefaults'"]
    assert [source.text(entry.span) for entry in file.dependencies][:2] == ["python=3.11", '"numpy >=1.20,<2"']
    assert source.text(file.pip.span) == "pip"
    assert source.position(file.pip.span.start).line == 8


@pytest.mark.parametrize(
    ("data", "line", "message"),
    [
        (b"dependencies:\n  - a: b: c\n", 2, "invalid YAML: mapping values are not allowed"),
        (b"dependencies:\n\t- a\n", 2, "invalid YAML: while scanning for the next token"),
        (b"dependencies: [a\n", 2, "invalid YAML: while parsing a flow sequence"),
        (b"a: 1\n---\nb: 2\n", 2, "a second document"),
        (b"a: *x\n", 1, "invalid YAML: undefined alias *x"),
        (b"a: b\xff\n", 1, "not UTF-8"),
        (b"a: \x01\n", 1, "invalid YAML: "),
        (b"- a\n", 1, "not a mapping with `dependencies`"),
        (b"", 1, "not a mapping"),
        (b"dependencies: numpy\n", 1, "`dependencies` is not a list"),
        (b"dependencies:\n- [a]\n", 2, "an entry of `dependencies` is not a word"),
        (b"dependencies:\n- pip: a\n", 2, "`pip` is not a list"),
        (b"name: a\nname: b\n", 2, "`name` stands twice"),
    ],
)
def test_mistakes_have_a_place(data: bytes, line: int, message: str) -> None:
    (mistake,) = read_environment(data).mistakes
    assert mistake.message.startswith(message)
    assert "\n" not in mistake.message
    assert Source("", data).position(mistake.span.start).line == line


def test_an_alias_of_a_word_is_read() -> None:
    file = read_environment(b"name: &n numpy\ndependencies: [*n]\n")
    assert texts(file.dependencies) == ["numpy"]
    assert file.mistakes == ()


def test_hostile_files_are_refused_at_once() -> None:
    hostile = [b"[" * 900_000, b"- " * 400_000, b"{a: " * 200_000, b"a" * (LARGEST_YAML + 1), b"a: &a [*a]\n"]
    started = time.process_time()
    assert all(read_environment(data).unread for data in hostile)
    assert time.process_time() - started < 2


def test_an_alias_costs_no_more_than_its_name() -> None:
    bomb = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (c + 1, c + 1, c, c) for c in range(97, 120))
    started = time.process_time()
    file = read_environment(bomb + b"dependencies: *x\n")
    assert {mistake.message for mistake in file.mistakes} == {"an entry of `dependencies` is not a word"}
    assert time.process_time() - started < 2


def test_an_alias_of_a_list_is_that_list() -> None:
    file = read_environment(b"x: &x [numpy, pip]\ndependencies: *x\n")
    assert texts(file.dependencies) == ["numpy", "pip"]
    assert file.mistakes == ()


def test_what_is_beyond_our_limits_is_no_finding(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_bytes(b"dependencies:\n- " + b"[" * 40 + b"]" * 40 + b"\n")
    shown = CliRunner().invoke(make_app(), ["lint", str(tmp_path / "environment.yml")])
    assert (shown.exit_code, shown.stdout.count("environment-file-broken")) == (2, 0)
    assert shown.stderr == f"slimconda: {tmp_path}/environment.yml:2: nested deeper than 32 levels, which is not read\n"


def test_tags_make_no_objects() -> None:
    data = b"name: !!python/object/apply:os.system ['touch /tmp/pwned']\ndependencies: [!!python/name:os.system a]\n"
    file = read_environment(data)
    assert file.name is None
    assert texts(file.dependencies) == ["a"]


def test_nothing_stands_for_nothing() -> None:
    assert read_environment(b"name:\nchannels: ~\ndependencies:\n").mistakes == ()
    file = read_environment(b"name:\nchannels: ~\ndependencies:\n")
    assert (file.name, file.channels, file.dependencies, file.pip) == (None, (), (), None)
    assert not read_environment(b"dependencies: [pip, {pip: }]\n").runs_pip


@given(st.binary(max_size=200) | st.text(alphabet="ab:- \n[]{}&*'\"|#,\u00e9", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for mistake in read_environment(data).mistakes:
        assert 0 <= mistake.span.start <= mistake.span.end <= len(data)


@given(st.text(alphabet="ab:- \n[]{}&*'\"|#,\u00e9", max_size=60))
def test_what_pyyaml_refuses_is_refused(text: str) -> None:
    try:
        read_yaml(text.encode())
    except YamlError:
        return
    list(yaml.parse(text, Loader=yaml.SafeLoader))


def report(text: str) -> list[tuple[str, str]]:
    found = lint_environment(Source("environment.yml", text.encode()), Config()).findings
    return [(finding.rule, finding.message) for finding in found]


@pytest.mark.parametrize(
    ("conda", "pip", "found"),
    [
        ("numpy", "numpy==2", True),
        ("conda-forge::PyYAML>=6", "pyyaml", True),
        ("scikit-learn[version='>=1']", "scikit_learn[extra]", True),
        ("scikit-learn", "scikit_learn ; python_version < '3.8'", False),
        ("numpy", "numpy @ https://example.com/a.whl", False),
        ("numpy", "-r numpy", False),
        ("numpy", "git+https://example.com/numpy", False),
        ("graphviz", "graphviz", False),
        ("numpy-base", "numpy", False),
    ],
)
def test_a_package_given_twice(conda: str, pip: str, found: bool) -> None:
    text = f'dependencies:\n- "{conda}"\n- pip:\n  - "{pip}"\n'
    assert [rule for rule, _ in report(text) if rule != "conda-unpinned"] == ["package-given-twice"] * found


def test_templates_are_not_judged() -> None:
    rendered = lint_environment(Source("environment.yml", b"name: {{ name }}\n"), Config())
    assert (rendered.findings, rendered.templates) == ((), ("environment.yml",))
    assert report("name: { { name }\n") != []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    (tmp_path / "environment-dev.yml").write_text("dependencies:\n- numpy\n- pip:\n  - numpy\n")
    (tmp_path / "other.yml").write_text("a: [\n")
    return tmp_path


def test_lint_finds_environment_files_beside_dockerfiles(folder: Path) -> None:
    shown = CliRunner().invoke(make_app(), ["lint", str(folder)])
    assert shown.exit_code == 1
    assert "environment-dev.yml:4:5: warning[package-given-twice]" in shown.stdout
    assert "in 1 Dockerfile and 1 environment file" in shown.stdout
    alone = CliRunner().invoke(make_app(), ["lint", str(folder / "environment-dev.yml")])
    assert "in 1 environment file" in alone.stdout


def test_a_folder_of_environment_files_alone_is_no_folder_of_dockerfiles(folder: Path) -> None:
    (folder / "Dockerfile").unlink()
    shown = CliRunner().invoke(make_app(), ["lint", str(folder)])
    assert (shown.exit_code, shown.stdout) == (2, "")


def test_fix_takes_away_a_line_that_changes_nothing(folder: Path) -> None:
    path = folder / "environment-dev.yml"
    path.write_bytes(b"dependencies:\r\n- numpy\r\n- pip:\r\n  - numpy\r\n  - other # kept\r\n")
    shown = CliRunner().invoke(make_app(), ["fix", "--diff", str(folder)])
    assert "-  - numpy" in shown.stdout
    assert CliRunner().invoke(make_app(), ["fix", str(folder)]).exit_code == 0
    assert path.read_bytes() == b"dependencies:\r\n- numpy\r\n- pip:\r\n  - other # kept\r\n"


@pytest.mark.parametrize("form", ["json", "github", "sarif"])
def test_every_format_writes_them(folder: Path, form: str) -> None:
    shown = CliRunner().invoke(make_app(), ["lint", str(folder), "--format", form])
    assert shown.exit_code == 1
    assert "package-given-twice" in shown.stdout
