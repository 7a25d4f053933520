"""Which files are taken for Dockerfiles: by git, by .gitignore, by name, and by the files that name them."""

import itertools
import json
import subprocess
from pathlib import Path

import pytest

from slimconda.compose import inline_dockerfiles
from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.file_rewriter import rewrite_file
from slimconda.files import find_dockerfiles, is_dockerfile_name
from slimconda.inline import lint_inline
from slimconda.linter import lint
from slimconda.rewriter import rewrite
from slimconda.source import Edit, Source, Span, apply_edits
from slimconda.walk import walk
from tests.test_cli import DIRTY, slimconda, written

FIXTURES = Path(__file__).parent.parent / "fixtures"


def literal(data: bytes) -> bool:
    """Tell whether a literal block of YAML can hold a text as it is."""
    return data.isascii() and data.replace(b"\n", b"").replace(b"\r", b"").replace(b"\t", b"").decode().isprintable()


COMPOSE = b"""\
services:
  a:
    build:
      context: ctx
      dockerfile: gpu.docker
  b: {build: {context: ., dockerfile: ../outside}}
  c:
    build:
      dockerfile_inline: |
        FROM a
        # \xe6\xbc\xa2
        RUN true && \\
          conda install -y b
  d: {build: {dockerfile: "${NAME}"}}
  e: {build: .}
"""


def found(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in find_dockerfiles([folder])]


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile",
        "Dockerfile.gpu",
        "a.Dockerfile",
        "a.dockerfile",
        "Containerfile",
        "Containerfile.x",
        "Dockerfile-dev",
    ],
)
def test_names_of_dockerfiles(name: str) -> None:
    assert is_dockerfile_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "Dockerfile.dockerignore",
        "Dockerfile.py",
        "a.docker",
        "Dockerfiles",
        "myDockerfile",
        "Dockerfile~",
        "Dockerfile.md",
    ],
)
def test_names_of_others(name: str) -> None:
    assert not is_dockerfile_name(name)


def test_a_named_file_is_taken_as_it_is(tmp_path: Path) -> None:
    written(tmp_path, DIRTY, "app.docker")
    assert slimconda("lint", "app.docker", cwd=tmp_path).returncode == 1


IGNORE = {
    ".gitignore": "/build/\n*.tmp/\nskip*\n!skipped.Dockerfile\n",
    "a/.gitignore": "Dockerfile.local\n!skip.Dockerfile\n",
}
FILES = (
    "Dockerfile", "build/Dockerfile", "a/Dockerfile", "a/Dockerfile.local", "a/skip.Dockerfile", "b/skip.Dockerfile",
    "b/skipped.Dockerfile", "b/x.tmp/Dockerfile", ".devcontainer/Dockerfile", "a/build/Dockerfile",
)  # fmt: skip


def test_without_git_the_ignore_files_say_what_git_would(tmp_path: Path) -> None:
    for name, text in IGNORE.items():
        written(tmp_path, text.encode(), name)
    for name in FILES:
        written(tmp_path, DIRTY, name)
    outside = found(tmp_path)
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert outside == found(tmp_path)
    assert outside == [
        ".devcontainer/Dockerfile", "Dockerfile", "a/Dockerfile", "a/build/Dockerfile", "a/skip.Dockerfile",
        "b/skipped.Dockerfile",
    ]  # fmt: skip


def test_a_walk_follows_no_links_and_outlives_bad_ignore_files(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    written(tmp_path, b"\xff\n***\n[\n\\\n", ".gitignore")
    written(tmp_path, DIRTY)
    assert "Dockerfile" in list(walk(tmp_path))


def test_compose_and_devcontainer_name_dockerfiles(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    written(tmp_path, DIRTY, "outside")
    written(folder, COMPOSE, "compose.yaml")
    written(folder, DIRTY, "ctx/gpu.docker")
    written(
        folder,
        b'{ // how\n "build": {"dockerfile": "../dev.image", "x": "// no",}, }',
        ".devcontainer/devcontainer.json",
    )
    written(folder, DIRTY, "dev.image")
    assert found(folder) == ["compose.yaml", "ctx/gpu.docker", "dev.image"]


def test_what_a_compose_file_holds_is_told_at_its_place(tmp_path: Path) -> None:
    written(tmp_path, COMPOSE, "compose.yaml")
    run = slimconda("lint", "--format", "json", "--select", "conda-cache-left", cwd=tmp_path)
    (finding,) = json.loads(run.stdout)["findings"]
    assert run.returncode == 1
    assert (finding["path"], finding["line"], finding["column"]) == ("compose.yaml", 13, 11)
    assert (finding["end_line"], finding["end_column"]) == (13, 29)
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    cleaned = b"conda install -y b && \\\n          conda clean --all --yes\n"
    assert (tmp_path / "compose.yaml").read_bytes() == COMPOSE.replace(b"conda install -y b\n", cleaned)


WHOLE = [path for path in sorted((FIXTURES / "dockerfiles").glob("*/Dockerfile")) if literal(path.read_bytes())]


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_what_a_compose_file_holds_is_fixed_as_a_dockerfile_is(path: Path, ends: bytes) -> None:
    text = path.read_bytes().replace(b"\r\n", b"\n").removesuffix(b"\n") + b"\n"
    block = b"".join(b" " * 8 * bool(line.strip()) + line for line in text.splitlines(keepends=True))
    data = b"services:\n  a:\n    build:\n      dockerfile_inline: |\n%b  b: {image: c}\n" % block
    source, plain = Source("compose.yaml", data.replace(b"\n", ends)), Source("Dockerfile", text)
    for one, other in zip(lint_inline(source, Config()).findings, lint(plain, Config()).findings, strict=True):
        assert isinstance(one.place, Span)
        assert isinstance(other.place, Span)
        assert source.position(one.place.start).line == plain.position(other.place.start).line + 4
        assert (one.rule, one.fix is None) == (other.rule, other.fix is None)
        if one.fix and other.fix:
            (piece,) = inline_dockerfiles(apply_edits(source.data, one.fix.edits))
            assert piece.text == apply_edits(text, other.fix.edits)
    done = rewrite_file(source, Config())
    (piece,) = inline_dockerfiles(done.data)
    assert piece.text == rewrite(plain, Config()).data
    assert done.data.endswith(b"  b: {image: c}" + ends)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n"])
def test_every_edit_of_what_a_compose_file_holds_is_one_of_the_file(ends: bytes) -> None:
    text, checked = b"A $x\n\nB\n  C\n\nD\n", 0
    block = b"        A $$x\n\n        B\n          C\n   \n        D\n"
    data = (b"services:\n  a:\n    build:\n      dockerfile_inline: |\n%b  b: {}\n" % block).replace(b"\n", ends)
    (piece,) = inline_dockerfiles(data)
    assert piece.text == text
    for start, new in itertools.product(range(len(text) + 1), (b"", b"x", b"$x\n", b"x\n y")):
        for end in range(start, len(text) + 1):
            edit = Edit(Span(start, end), new)
            wanted = apply_edits(text, [edit])
            # A block that starts with a blank, or ends in empty lines, would need another head.
            if wanted[:1].strip() and wanted.endswith(b"\n") and not wanted.endswith(b"\n\n"):
                moved = piece.edit(edit)
                assert moved is not None
                (after,) = inline_dockerfiles(apply_edits(data, [moved]))
                assert (after.text, after.target) == (wanted, None), edit
                checked += 1
    assert checked > 400


@pytest.mark.parametrize(
    ("build", "found"),
    [
        ("target: x, dockerfile_inline: 'FROM a AS x\n\n    RUN conda install -y b=1\n\n    FROM c'", 1),
        ('target: x, dockerfile_inline: "FROM a AS x\\nRUN conda install -y b=1\\nFROM c"', 1),
        ('target: y, dockerfile_inline: "FROM a AS x\\nRUN conda install -y b=1\\nFROM c"', 0),
        ('dockerfile_inline: "FROM a AS x\\nRUN conda install -y b=1\\nFROM c"', 0),
    ],
)
def test_a_quoted_dockerfile_is_judged_as_a_whole(tmp_path: Path, build: str, found: int) -> None:
    written(tmp_path, f"services:\n  a:\n    build: {{{build}}}\n".encode(), "compose.yaml")
    words = ("--select", "conda-cache-left", "--format", "json")
    findings = json.loads(slimconda("lint", *words, cwd=tmp_path).stdout)["findings"]
    assert [finding["line"] for finding in findings] == [3] * found
    assert not any(finding["fix"] for finding in findings)
    assert slimconda("fix", cwd=tmp_path).returncode == found


DOLLARS = b"""\
services:
  a:
    build:
      dockerfile_inline: |
        FROM a
        ENV P=/opt/conda
        RUN echo $$P && conda install -y b=1 && echo $$P
"""


def test_a_dollar_sign_for_the_dockerfile_is_written_twice(tmp_path: Path) -> None:
    path = written(tmp_path, DOLLARS, "compose.yaml")
    words = ("lint", "--select", "conda-cache-left", "--format", "json")
    (finding,) = json.loads(slimconda(*words, cwd=tmp_path).stdout)["findings"]
    assert (finding["line"], finding["column"], finding["end_column"]) == (7, 25, 45)
    slimconda("fix", cwd=tmp_path)
    fixed = DOLLARS.replace(b"&& echo", b"&& conda clean --all --yes && echo")
    assert path.read_bytes() == fixed
    assert inline_dockerfiles(fixed)[0].text.endswith(b"--yes && echo $P\n")
    mixed = written(tmp_path, DOLLARS.replace(b"echo $$P &&", b"echo $P &&"), "compose.yaml").read_bytes()
    (finding,) = json.loads(slimconda(*words, cwd=tmp_path).stdout)["findings"]
    assert (finding["line"], finding["fix"]) == (4, None)
    slimconda("fix", cwd=tmp_path)
    assert path.read_bytes() == mixed


FOLDED = b"""\
x-build: &build
  dockerfile_inline: >-
    FROM a

    RUN conda install -y b=1
services:
  a: {build: *build}
  b: {build: {<<: *build, target: x}}
  c:
    build:
      <<: [*build]
"""


def test_a_folded_dockerfile_that_services_share_is_judged_once(tmp_path: Path) -> None:
    written(tmp_path, FOLDED, "docker-compose.yml")
    run = slimconda("lint", "--select", "conda-cache-left", cwd=tmp_path)
    assert b":2:22: warning[conda-cache-left]" in run.stdout
    assert b"no fix: dockerfile_inline is no literal block (|)" in run.stdout
    assert run.stdout.count(b"warning[") == 1
    assert run.stdout.endswith(b" in 1 Dockerfile\n")


def test_a_compose_file_stays_where_docker_would_refuse_what_it_holds(tmp_path: Path) -> None:
    path = written(tmp_path, COMPOSE.replace(b"# \xe6", b"RUNX \xe6"), "compose.yaml")
    before = path.read_bytes()
    run = slimconda("fix", cwd=tmp_path)
    assert (run.returncode, path.read_bytes()) == (2, before)
    assert b"compose.yaml:11: left as it is: unknown instruction" in run.stderr


@pytest.mark.parametrize(
    "data",
    [
        b"services: [", b"services: {a: {build: {dockerfile_inline: ' '}}}", b"\xff dockerfile", b"&a [*a] # dockerfile",
        b"services: &a\n  b: *a\n# dockerfile", b"[" * 9000 + b"dockerfile", b"!!python/object:os.system {dockerfile: 1}",
    ],
)  # fmt: skip
def test_a_strange_compose_file_names_nothing(tmp_path: Path, data: bytes) -> None:
    written(tmp_path, data, "compose.yml")
    written(tmp_path, data, "devcontainer.json")
    written(tmp_path, DIRTY)
    assert found(tmp_path) == ["Dockerfile"]


def test_a_devcontainer_holds_no_dockerfile(tmp_path: Path) -> None:
    written(tmp_path, b'{"services": {"a": {"build": {"dockerfile_inline": "FROM a"}}}}', "devcontainer.json")
    written(tmp_path, DIRTY)
    assert found(tmp_path) == ["Dockerfile"]


def test_a_template_is_noted(tmp_path: Path) -> None:
    written(tmp_path, b"FROM a\n{% if x %}\nRUN conda install -y b\n{% endif %}\n")
    run = slimconda("lint", cwd=tmp_path)
    assert run.stdout.startswith(b"Dockerfile: a template, not judged")


@pytest.mark.parametrize(
    ("name", "line", "template"),
    [
        ("Dockerfile", b"{% if x %}", True),
        ("Dockerfile", b"RUN x \\\n  {% if gpu %}\n  cuda \\\n  {% endif %}\n  y", True),
        ("Dockerfile", b"RUN docker ps --format '{{.ID}}'", False),
        ("Dockerfile", b"RUN <<E\n{% x %}\nE", False),
        ("Dockerfile", b"# {% x %}", False),
        ("Dockerfile.j2", b"RUN conda install {{ packages }}", True),
        ("Dockerfile.in", b"RUN true", False),
    ],
)
def test_what_is_a_template(tmp_path: Path, name: str, line: bytes, template: bool) -> None:
    path = written(tmp_path, b"FROM a\n" + line + b"\nRUN conda install -y b\n", name)
    assert parse(Source(str(path), path.read_bytes())).template == template
    done = slimconda("fix", name, cwd=tmp_path)
    assert (path.read_bytes().endswith(b"clean --all --yes\n")) != template, done.stderr
