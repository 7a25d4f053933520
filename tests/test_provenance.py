"""Layers tied to the lines that made them: histories of both builders as recorded, and findings at exact places."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from slimconda.config import Config
from slimconda.dockerfile.parser import parse
from slimconda.errors import InputError
from slimconda.findings import Severity
from slimconda.image_linter import lint_image
from slimconda.layers.image import Image, analyse, open_image
from slimconda.layers.manifest import LayerSource
from slimconda.layers.tar import Kind, Member
from slimconda.provenance import place_findings, tie_layers
from slimconda.reporters import github, inspect_json, inspect_text
from slimconda.source import Source
from tests.images import config, docker_old, layer_tar, members_tar
from tests.test_cli import slimconda

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Build

DOCKERFILE = """\
ARG B=base
FROM $B AS build
ARG V=1
ENV X=$V Y=2
RUN echo one > /one && \\
    # comment
    echo   "two  spaces" > /two
WORKDIR /w
SHELL ["/bin/sh", "-ec"]
RUN ["/bin/sh", "-c", "echo exec > /three"]
COPY Dockerfile /d/
FROM build AS last
LABEL a=b
RUN echo ; echo four > /four
COPY --from=build --chown=0:0 /one /five
USER root
RUN rm -f /none
"""
BASE = [
    "/bin/sh -c #(nop) ADD file:1 in / ",
    "RUN /bin/sh -c echo base # buildkit",
    "COPY x /d/ # buildkit",
]
# As Docker 20.10 noted them for the Dockerfile above, oldest first; True made a layer.
CLASSIC = [
    ("/bin/sh -c #(nop)  ARG V=1", False),
    ("/bin/sh -c #(nop)  ENV X=1 Y=2", False),
    ('|1 V=1 /bin/sh -c echo one > /one &&     echo   "two  spaces" > /two', True),
    ("/bin/sh -c #(nop) WORKDIR /w", True),
    ("/bin/sh -ec #(nop)  SHELL [/bin/sh -ec]", False),
    ("|1 V=1 /bin/sh -c echo exec > /three", True),
    ("/bin/sh -ec #(nop) COPY file:45c8f8203f04b71c9c7056a165f5834896e00179fe651374175524b491bafe34 in /d/ ", True),
    ("/bin/sh -ec #(nop)  LABEL a=b", False),
    ("/bin/sh -ec echo ; echo four > /four", True),
    ("/bin/sh -ec #(nop) COPY --chown=0:0file:42167350d88925eed8e01d24d5b71aa54311 in /five ", True),
    ("/bin/sh -ec #(nop)  USER root", False),
]
BUILDKIT = [
    ("ARG V=1", False),
    ("ENV X=1 Y=2", False),
    ('RUN |1 V=1 /bin/sh -c echo one > /one &&     echo   "two  spaces" > /two # buildkit', True),
    ("WORKDIR /w", True),
    ("SHELL [/bin/sh -ec]", False),
    ("RUN |1 V=1 /bin/sh -c echo exec > /three # buildkit", True),
    ("COPY Dockerfile /d/ # buildkit", True),
    ("LABEL a=b", False),
    ("RUN /bin/sh -ec echo ; echo four > /four # buildkit", True),
    ("COPY /one /five # buildkit", True),
    ("USER root", False),
    ("RUN /bin/sh -ec rm -f /none # buildkit", True),
]
LINES = [5, 8, 10, 11, 14, 15, 17]


def image_of(history: list[tuple[str, bool]], members: list[Member] | None = None) -> Image:
    told = tuple(text for text, _ in history)
    sources = [LayerSource("", "", text, entry, history=told) for entry, (text, made) in enumerate(history) if made]
    return analyse("image", [(source, members or []) for source in sources])


def lines_of(image: Image, dockerfile: str) -> list[int | None]:
    tie = tie_layers(image, parse(Source("Dockerfile", dockerfile.encode())), Config())
    return [tie.instructions[i].start_line if i in tie.instructions else None for i in range(len(image.layers))]


@pytest.mark.parametrize(("history", "lines"), [(CLASSIC, LINES[:-1]), (BUILDKIT, LINES)], ids=["classic", "buildkit"])
def test_recorded_histories(history: list[tuple[str, bool]], lines: list[int]) -> None:
    image = image_of([*((text, True) for text in BASE), *history])
    assert lines_of(image, DOCKERFILE) == [None, None, None, *lines]


def test_a_command_that_the_base_has_too() -> None:
    history = [("/bin/sh -c conda install -y a", True)] * 3
    assert lines_of(image_of(history), "FROM b\nRUN conda install -y a\nRUN conda install -y a\n") == [None, 2, 3]


@pytest.mark.parametrize("text", ["echo a\necho b\n", "<<EOF cat > /x\necho a\necho b\nEOF"])
def test_heredocs_as_buildkit_notes_them(text: str) -> None:
    """By BuildKit's source: the body of a lone heredoc is the command, else all of it is."""
    dockerfile = "FROM b\nRUN true\nRUN <<EOF\necho a\necho b\nEOF\nRUN <<EOF cat > /x\necho a\necho b\nEOF\n"
    line = 3 if text.startswith("echo") else 7
    assert lines_of(image_of([(f"RUN /bin/sh -c {text} # buildkit", True)]), dockerfile) == [line]


def test_only_the_stages_that_ship() -> None:
    dockerfile = "FROM a AS one\nRUN x\nFROM b\nRUN x\nCOPY --from=one /a /a\n"
    assert lines_of(image_of([("RUN /bin/sh -c x # buildkit", True), ("COPY /a /a # buildkit", True)]), dockerfile) == [
        4,
        5,
    ]


def test_another_dockerfile_is_refused() -> None:
    with pytest.raises(InputError, match="Dockerfile: made none of the layers of image"):
        lines_of(image_of(CLASSIC), "FROM x\nRUN something else\n")
    with pytest.raises(InputError, match="made none"):
        lines_of(image_of([]), DOCKERFILE)


CACHE = "opt/conda/pkgs"
INSTALL = """\
FROM base
RUN true && \\
    conda install -y numpy
RUN conda clean --all --yes
# slimconda: ignore[conda-cache-left] kept on purpose
RUN mamba install -y scipy
COPY --from=x /opt/conda /opt/conda
"""


def installed(tmp_path: Path) -> Path:
    """Return an archive whose layers are those of the Dockerfile above."""
    members = [Member(f"{CACHE}/numpy-1-0.conda", Kind.FILE, 500_000, ""), Member(f"{CACHE}/urls", Kind.FILE, 1, "")]
    tars = [
        layer_tar([{"file": "bin/sh", "size": 9}]),
        layer_tar({"file": member.path, "size": member.size} for member in members),
        layer_tar([{"whiteout": CACHE}]),
        layer_tar([{"file": f"{CACHE}/scipy-1-0.conda", "size": 300_000}, {"file": f"{CACHE}/urls", "size": 1}]),
        layer_tar([{"file": f"{CACHE}/other-1-0.conda", "size": 200_000}]),
    ]
    commands = [
        "ADD file:1 in /",
        "/bin/sh -c true &&     conda install -y numpy",
        "/bin/sh -c conda clean --all --yes",
        "/bin/sh -c mamba install -y scipy",
        "/bin/sh -c #(nop) COPY dir:33 in /opt/conda ",
    ]
    settings = json.loads(config(tars))
    settings["history"] = [{"created_by": command} for command in commands]
    data = docker_old(tars)
    files = {f"{index}.tar": tar for index, tar in enumerate(tars)}
    top = [{"Config": "c.json", "RepoTags": None, "Layers": list(files)}]
    files |= {"c.json": json.dumps(settings).encode(), "manifest.json": json.dumps(top).encode()}
    assert data
    (tmp_path / "image.tar").write_bytes(members_tar(list(files.items())))
    (tmp_path / "Dockerfile").write_text(INSTALL)
    return tmp_path / "image.tar"


def test_findings_stand_at_their_lines(tmp_path: Path) -> None:
    image = open_image(str(installed(tmp_path)))
    dockerfile = parse(Source("Dockerfile", INSTALL.encode()))
    tie = tie_layers(image, dockerfile, Config())
    report = place_findings(lint_image(image, Config()), image, tie)
    assert github.render(report).splitlines()[:2] == [
        (
            "::warning file=Dockerfile,line=7,endLine=7,col=15,endColumn=36,title=slimconda%3A conda-cache-left"
            "::this COPY stores 200.0 kB that a clean before it would not have left"
        ),
        (
            "::warning file=Dockerfile,line=3,endLine=3,col=5,endColumn=27,title=slimconda%3A conda-clean-in-later-layer"
            "::this RUN stores 500.0 kB that a clean in the same RUN would not"
        ),
    ]
    assert [finding.rule for finding in report.findings if finding.ignored] == ["conda-cache-left"]
    assert "Dockerfile:3: layer 1: warning[conda-clean-in-later-layer] this RUN stores" in inspect_text.render(
        image, report
    )
    content = json.loads(inspect_json.render(image, report, tie))
    assert content["layers"][1]["instruction"] == {"keyword": "RUN", "line": 2, "end_line": 3}
    assert content["layers"][0]["instruction"] is None
    places = {
        (finding["line"], finding["column"], finding["layer"], finding["bytes"]) for finding in content["findings"]
    }
    assert places == {(3, 5, 1, 500_001), (6, 5, 3, 300_001), (7, 15, 4, 200_000)}


def test_what_a_pull_transfers() -> None:
    members = [
        Member(f"{CACHE}/a-1-0.conda", Kind.FILE, 508_900_000, "", 213_000_000),
        Member(f"{CACHE}/urls", Kind.FILE, 9, ""),
    ]
    image = image_of([("/bin/sh -c conda install a", True)], members)
    tie = tie_layers(image, parse(Source("D", b"FROM b\nRUN conda install a\n")), Config())
    (finding,) = place_findings(lint_image(image, Config()), image, tie).findings
    assert finding.message == (
        "this RUN stores 508.9 MB that a clean in the same RUN would not; 213.0 MB of every pull"
    )
    assert finding.severity is Severity.WARNING


def test_the_command_line(tmp_path: Path) -> None:
    installed(tmp_path)
    run = slimconda("inspect", "image.tar", "--dockerfile", "Dockerfile", "--format", "github", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout.startswith(b"::warning file=Dockerfile,line=")
    run = slimconda("inspect", "image.tar", "--format", "github", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (2, b"")
    run = slimconda("inspect", "image.tar", "--dockerfile", "nowhere", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.startswith(b"slimconda: nowhere: ")


@pytest.mark.daemon
@pytest.mark.parametrize("buildkit", ["0", "1"])
def test_what_the_builders_note(
    buildkit: str, base_image: str, build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_BUILDKIT", buildkit)
    tag, dockerfile = f"slimconda-test/lines{buildkit}:1", DOCKERFILE.replace("B=base", f"B={base_image}")
    (tmp_path / "Dockerfile").write_text(dockerfile)
    command = ["/usr/bin/docker", "build", "--network=none", "-q", "-t", tag, str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    image = open_image(tag)
    tied = lines_of(image, dockerfile)
    subprocess.run(["/usr/bin/docker", "rmi", "-f", tag], check=True, capture_output=True)
    # The classic builder makes no layer of a RUN that changes nothing.
    assert [line for line in tied if line] == (LINES if buildkit == "1" else LINES[:-1])
