"""What the README says of CI systems works when pasted; the hooks run in pre-commit; the picture is what lint prints."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest
from junitparser import JUnitXml
from ruamel.yaml import YAML

from tests.picture import PICTURE, TOP, draw
from tests.test_changes import git
from tests.test_cli import CLEAN, DIRTY, written

README = (TOP / "README.md").read_text()


def snippet(heading: str) -> str:
    """Return the first fenced block below a heading of the README."""
    match = re.search(rf"^### {heading}\n.*?^```\w+\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert match is not None
    return match[1]


def parsed(text: str) -> Any:
    return YAML(typ="safe").load(text)


def run_lines(lines: list[str], folder: Path) -> list[int]:
    """Run shell lines in a folder, but for the installations, which this checkout stands in for; return exit codes."""
    tools = folder / "venv" / "bin"
    tools.mkdir(parents=True)
    for name, text in {
        "pip": f"echo {shutil.which('slimconda') or ''}",
        "python": "[ $1 = -m ] && [ $2 = venv ]",
        "slimconda": f'exec {sys.executable} -c "from slimconda.cli import main; main()" "$@"',
    }.items():
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    env = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    env["PATH"] = f"{tools}:{env['PATH']}"
    return [subprocess.run(["bash", "-ec", line], cwd=folder, env=env, check=False).returncode for line in lines]


def validated(text: str, schema: str, folder: Path) -> None:
    path = written(folder, text.encode(), f"{schema}.yml")
    subprocess.run(
        ["check-jsonschema", "--builtin-schema", f"vendor.{schema}", str(path)], check=True, capture_output=True
    )
    path.unlink()


def test_the_github_workflow_is_valid_and_uses_inputs_that_there_are(tmp_path: Path) -> None:
    text = snippet("GitHub Actions")
    validated(text, "github-workflows", tmp_path)
    step = parsed(text)["jobs"]["slimconda"]["steps"][-1]
    inputs = parsed((TOP / "action.yml").read_text())["inputs"]
    assert set(step["with"]) <= set(inputs)
    assert {"image", "upload-sarif"} <= set(inputs)


def test_gitlab_ci(tmp_path: Path) -> None:
    text = snippet("GitLab CI")
    validated(text, "gitlab-ci", tmp_path)
    job = parsed(text)["slimconda"]
    written(tmp_path, DIRTY)
    assert run_lines(job["script"], tmp_path) == [0, 1]
    report = json.loads((tmp_path / job["artifacts"]["reports"]["codequality"]).read_text())
    assert [issue["check_name"] for issue in report] == ["conda-cache-left"]


def test_jenkins(tmp_path: Path) -> None:
    text = snippet("Jenkins")
    written(tmp_path, DIRTY)
    assert run_lines(re.findall(r"sh '(.*)'", text), tmp_path) == [0, 0]
    pattern = re.search(r"pattern: '(.*?)'", text)
    assert pattern is not None
    assert len(ET.parse(tmp_path / pattern[1]).findall("file/error")) == 1


def test_azure_pipelines(tmp_path: Path) -> None:
    steps = parsed(snippet("Azure Pipelines"))["steps"]
    written(tmp_path, DIRTY)
    assert run_lines([step["script"] for step in steps if "script" in step], tmp_path) == [0, 1]
    assert JUnitXml.fromfile(str(tmp_path / steps[-1]["inputs"]["testResultsFiles"])).failures == 1


def test_the_picture_is_what_lint_prints(update: bool) -> None:
    if update:
        PICTURE.write_text(draw())
    assert PICTURE.read_text() == draw()
    assert f"(.github/{PICTURE.name})" in README


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return this checkout as a repository that pre-commit can take hooks from."""
    folder = tmp_path_factory.mktemp("hooks") / "slimconda"
    for name in git(TOP, "ls-files", "-co", "--exclude-standard", "--", ":!fixtures", ":!tests").splitlines():
        if (TOP / name).is_file():
            written(folder, (TOP / name).read_bytes(), name)
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "hooks")
    return folder


@pytest.mark.parametrize("manager", ["pre-commit", "prek"])
def test_the_manifest_is_valid(manager: str) -> None:
    command = [manager, "validate-manifest", str(TOP / ".pre-commit-hooks.yaml")]
    subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("manager", ["pre-commit", "prek"])
def test_the_hooks_lint_and_fix(hooks: Path, tmp_path: Path, manager: str) -> None:
    text = snippet("pre-commit and prek").replace("https://github.com/slimconda/slimconda", str(hooks))
    text = text.replace("v0.1.0", git(hooks, "rev-parse", "HEAD"))
    home = hooks.parent / f"home of {manager}"

    def run(hook: str) -> subprocess.CompletedProcess[str]:
        written(folder, text.replace("slimconda-lint", hook).encode(), ".pre-commit-config.yaml")
        git(folder, "add", ".")
        env = os.environ | {"PRE_COMMIT_HOME": str(home), "PREK_HOME": str(home), "GITHUB_ACTIONS": ""}
        command = [manager, "run", "--all-files"]
        return subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False, text=True)

    folder = tmp_path / "project"
    for name in ("Dockerfile", "a b/x.dockerfile", "Containerfile"):
        written(folder, DIRTY, name)
    for name in ("Dockerfile.py", "Dockerfile.dockerignore"):
        written(folder, b"# not one\n", name)
    git(folder, "init", "-q")
    done = run("slimconda-lint")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("warning[conda-cache-left]") == 3
    done = run("slimconda-fix")
    assert done.returncode == 1
    assert "files were modified by this hook" in done.stdout
    assert {(folder / name).read_bytes() for name in ("Dockerfile", "a b/x.dockerfile", "Containerfile")} == {CLEAN}
    assert run("slimconda-fix").returncode == 0
    assert run("slimconda-lint").returncode == 0
