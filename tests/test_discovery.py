"""Which files are taken for Dockerfiles: by git, by .gitignore, by name, and by the files that name them."""

import json
import subprocess
from pathlib import Path

import pytest

from slimconda.dockerfile.parser import parse
from slimconda.files import find_dockerfiles, is_dockerfile_name
from slimconda.source import Source
from slimconda.walk import walk
from tests.test_cli import DIRTY, slimconda, written

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
    assert (finding["end_line"], finding["end_column"], finding["fix"]) == (13, 29, None)
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert (tmp_path / "compose.yaml").read_bytes() == COMPOSE


@pytest.mark.parametrize(
    "data",
    [
        b"services: [", b"services: {a: {build: {dockerfile_inline: 'FROM a'}}}", b"\xff dockerfile", b"&a [*a] # dockerfile",
        b"services: &a\n  b: *a\n# dockerfile", b"[" * 9000 + b"dockerfile", b"!!python/object:os.system {dockerfile: 1}",
    ],
)  # fmt: skip
def test_a_strange_compose_file_names_nothing(tmp_path: Path, data: bytes) -> None:
    written(tmp_path, data, "compose.yml")
    written(tmp_path, data, "devcontainer.json")
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
