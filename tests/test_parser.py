"""The parser against BuildKit's own: same instructions, same lines, and every byte kept."""

import re

import pytest
from hypothesis import HealthCheck, assume, given, settings

from slimconda.dockerfile.parser import Dockerfile, parse
from slimconda.source import Source
from tests.dockerfiles import dockerfiles

buildkit = pytest.importorskip("dockerfile", reason="no wheel of BuildKit's parser for this machine")
from e2b_dockerfile_utils import DockerfileSyntaxError, parse_dockerfile_ast  # noqa: E402

ONBUILD_JSON = re.compile(rb"onbuild\s+(?:run|copy)\s+(?:--\S+\s+)*\[", re.IGNORECASE)
Extent = tuple[str, int, int]


def read(data: bytes) -> Dockerfile:
    return parse(Source("Dockerfile", data))


def ours(data: bytes) -> list[Extent] | None:
    dockerfile = read(data)
    if dockerfile.problems:
        return None
    return [(i.keyword, i.start_line, i.end_line) for i in dockerfile.instructions]


def buildkit_old(data: bytes) -> list[Extent] | None:
    try:
        commands = buildkit.parse_string(data.decode())
    except (buildkit.GoParseError, buildkit.GoIOError):
        return None
    return [((c.cmd or "").upper().replace("É", "é"), c.start_line, c.end_line) for c in commands]


def buildkit_new(data: bytes) -> list[Extent] | None:
    try:
        instructions = parse_dockerfile_ast(data.decode()).instructions
    except DockerfileSyntaxError:
        return None
    return [(i.name.replace("É", "é"), i.start_line, i.end_line) for i in instructions]


@settings(max_examples=5000, suppress_health_check=list(HealthCheck))
@given(dockerfiles())
def test_lines_agree_with_buildkit(data: bytes) -> None:
    # The old parser takes JSON with a rest for exec form, the new oracle knows no heredoc below ONBUILD: neither is right.
    assume(not (ONBUILD_JSON.search(data) and b"<<" in data))
    assert ours(data) in (buildkit_old(data), buildkit_new(data))
    dockerfile = read(data)
    assert b"".join(dockerfile.source.read(line.span) for line in dockerfile.lines) == data


@settings(max_examples=500)
@given(dockerfiles())
def test_bytes_that_are_no_utf8_change_nothing(data: bytes) -> None:
    assert ours(data.replace("é".encode(), b"\xe9")) == (
        None if ours(data) is None else [(name.replace("é", "\udce9"), *lines) for name, *lines in ours(data) or []]
    )


def test_spans_of_an_instruction() -> None:
    data = b"FROM a\n  Run --mount=type=cache,target='/p q' \\\n# note\n  conda <<E\nbody\nE\n"
    dockerfile = read(data)
    run = dockerfile.instructions[1]
    assert dockerfile.source.read(run.keyword_span) == b"Run"
    assert [(flag.name, flag.value) for flag in run.flags] == [("mount", "type=cache,target=/p q")]
    assert dockerfile.source.read(run.flags[0].span) == b"--mount=type=cache,target='/p q'"
    assert dockerfile.source.read(run.heredocs[0].span) == b"body\n"
    assert (run.value, run.start_line, run.end_line) == ("conda <<E", 2, 6)


@pytest.mark.parametrize(
    ("data", "message", "line"),
    [
        (b"FROM a\nRUN <<E\nx\n", "the heredoc 'E' does not end", 2),
        (b"FROM a\nRUNN x\n", "unknown instruction 'RUNN'", 2),
        (b"# escape=x\nFROM a\n", "the escape directive takes only \\ or `", 1),
        (b"# syntax=a\n# syntax=b\nFROM a\n", "the directive syntax stands twice", 2),
        (b"RUN x\nFROM a\n", "RUN before the first FROM", 1),
        (b"ARG x\n", "no FROM: there is no stage to build", 1),
        (b"FROM a b\n", "FROM takes an image, and a name after AS", 1),
        (b"FROM a\nRUN [1]\n", "RUN in exec form takes only strings", 2),
        (b"FROM a\nENV x\n", "ENV takes name=value pairs", 2),
        (b"FROM a\nONBUILD ONBUILD RUN x\n", "ONBUILD cannot hold another ONBUILD", 2),
        (b"FROM a\nRUN " + b"x" * 70_000, "the line is longer than 65535 bytes", 2),
    ],
)
def test_what_docker_refuses_has_a_place(data: bytes, message: str, line: int) -> None:
    problem = read(data).problems[0]
    assert (problem.message, read(data).source.line_of(problem.span.start)) == (message, line)
