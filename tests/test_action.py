"""The GitHub Action: its file is valid, and its steps do what they say, run by bash as the runner runs them."""

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

TOP = Path(__file__).parent.parent
INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(TOP / "action.yml")
    return loaded


@pytest.fixture(scope="module")
def temporary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the runner's temporary folder, in which the first step installs once."""
    return tmp_path_factory.mktemp("runner")


def run(action: dict[str, Any], temporary: Path, workspace: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    """Run the steps until one fails; inputs reach a step through its `env:` alone."""
    given = {name: field.get("default", "") for name, field in action["inputs"].items()} | inputs
    common = {"RUNNER_TEMP": str(temporary), "GITHUB_ACTION_PATH": str(TOP), "GITHUB_ACTIONS": "true"}
    done = subprocess.CompletedProcess([], 0, "", "")
    for step in action["runs"]["steps"]:
        if (temporary / "slimconda" / "bin" / "slimconda").exists() and step["name"].startswith("Install"):
            continue
        env = {name: INPUT.sub(lambda match: given[match[1]], text) for name, text in step.get("env", {}).items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        environment = os.environ | common | env
        done = subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            break
    return done


def test_the_file_is_valid() -> None:
    command = ["check-jsonschema", "--builtin-schema", "vendor.github-actions", str(TOP / "action.yml")]
    subprocess.run(command, check=True, capture_output=True)


def test_no_input_is_put_into_shell_text(action: dict[str, Any]) -> None:
    assert [step["run"] for step in action["runs"]["steps"] if "${{" in step["run"]] == []


def test_findings_become_annotations_and_fail(action: dict[str, Any], temporary: Path, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM a\nRUN conda install -y b\n")
    done = run(action, temporary, tmp_path)
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("::warning file=Dockerfile,line=2,")
    assert run(action, temporary, tmp_path, **{"fail-on": "error"}).returncode == 0


def test_paths_are_lines_and_never_shell(action: dict[str, Any], temporary: Path, tmp_path: Path) -> None:
    for name in ("a b", "$(touch x)"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "Dockerfile").write_text("FROM a\n")
    done = run(action, temporary, tmp_path, paths="a b\n\n$(touch x)\n")
    assert (done.returncode, done.stdout) == (0, "nothing found in 2 Dockerfiles\n"), done.stderr
    assert not (tmp_path / "x").exists()
