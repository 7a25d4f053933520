"""The GitHub Action: its file is valid, and its steps do what they say, run by bash as the runner runs them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from slimconda import __version__, demo
from slimconda.cli.runner import base_commit, write_summary
from tests import hostile, images
from tests.test_changes import git
from tests.test_cli import CLEAN, DIRTY, slimconda, written
from tests.test_formats import SCHEMA, commands
from tests.test_readers import RESULT, read

TOP = Path(__file__).parent.parent
EXPRESSION = re.compile(r"\$\{\{ ([\w.-]+) \}\}")
TERM = re.compile(r"([\w.-]+) (==|!=) '([^']*)'")
OUTPUT = re.compile(r"([\w-]+)<<(\S+)\n(.*?)\n\2\n", re.DOTALL)
# What the foreign actions take, by their own action.yml at the pinned commits.
TAKES = {
    "github/codeql-action/upload-sarif": {"sarif_file", "category"},
    "reviewdog/action-setup": {"reviewdog_version"},
}
REVIEWDOG = """\
#!{python}
import json, os, sys
seen = {{"words": sys.argv[1:], "report": json.load(sys.stdin), "token": os.environ["REVIEWDOG_GITHUB_API_TOKEN"]}}
json.dump(seen, open({path!r}, "w"))
"""


@pytest.fixture(scope="module")
def action() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(TOP / "action.yml")
    return loaded


@dataclass(frozen=True)
class Done:
    """What the steps left: exit code, log, outputs by name, summary, and the foreign actions with what they were given.

    `reviewdog` is what the stand-in for that program was given, None where it did not run.
    """

    code: int
    log: str
    outputs: dict[str, str]
    summary: str
    used: dict[str, dict[str, str]]
    reviewdog: dict[str, Any] | None


class Runner:
    """Plays the part of GitHub's runner that a composite action needs; `temporary` keeps what the first step installs.

    A foreign action is not run: what it is given is checked against what it takes and noted, and what it would install
    is put in its place.
    """

    def __init__(self, action: dict[str, Any], temporary: Path) -> None:
        self.action, self.temporary = action, temporary
        self.bin = temporary / "added to PATH"
        self.bin.mkdir()

    def run(self, workspace: Path, event: object = None, **inputs: str) -> Done:
        """Run the steps as the runner does: after a failed one only those whose condition says always()."""
        defaults = {name: field["default"] for name, field in self.action["inputs"].items()}
        context = {"github.token": "the job's token"}
        context |= {f"inputs.{name}": self._filled(text, context) for name, text in (defaults | inputs).items()}
        files = {name: self.temporary / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_EVENT_PATH")}
        for name, path in files.items():
            path.write_text(json.dumps(event or {}) if name == "GITHUB_EVENT_PATH" else "")
        env = {name: str(path) for name, path in files.items()} | {
            "RUNNER_TEMP": str(self.temporary), "GITHUB_ACTION_PATH": str(TOP), "GITHUB_ACTIONS": "true",
            "GITHUB_WORKSPACE": str(workspace), "CI": "true", "PATH": f"{self.bin}:{os.environ['PATH']}",
        }  # fmt: skip
        (self.temporary / "reviewdog.json").unlink(missing_ok=True)
        code, log, used, outputs = 0, "", dict[str, dict[str, str]](), dict[str, str]()
        for step in self.action["runs"]["steps"]:
            if not self._wanted(step, context, failed=code != 0):
                continue
            if "uses" in step:
                used |= self._used(step, context)
                continue
            done = self._step(step, context, workspace, env)
            code = code or done.returncode
            log += "" if step["name"].startswith("Install") and not done.returncode else done.stdout + done.stderr
            outputs = {match[1]: match[3] for match in OUTPUT.finditer(files["GITHUB_OUTPUT"].read_text())}
            context |= {f"steps.slimconda.outputs.{name}": text for name, text in outputs.items()}
        seen = self.temporary / "reviewdog.json"
        reviewdog = json.loads(seen.read_text()) if seen.exists() else None
        return Done(code, log, outputs, files["GITHUB_STEP_SUMMARY"].read_text(), used, reviewdog)

    def _wanted(self, step: dict[str, Any], context: dict[str, str], *, failed: bool) -> bool:
        installed = (self.temporary / "slimconda" / "bin" / "slimconda").exists()
        if step["name"].startswith("Install slimconda") and installed:
            return False
        terms = step["if"].split(" && ") if "if" in step else []
        matches = [TERM.fullmatch(term) for term in terms if term != "always()"]
        assert all(matches), terms
        holds = all(match and (context.get(match[1], "") == match[3]) == (match[2] == "==") for match in matches)
        return holds and (not failed or "always()" in terms)

    def _used(self, step: dict[str, Any], context: dict[str, str]) -> dict[str, dict[str, str]]:
        name, _, commit = step["uses"].partition("@")
        assert re.fullmatch(r"[0-9a-f]{40}", commit)
        given = {key: self._filled(text, context) for key, text in step.get("with", {}).items()}
        assert set(given) <= TAKES[name]
        if name == "reviewdog/action-setup":
            program = self.bin / "reviewdog"
            program.write_text(REVIEWDOG.format(python=sys.executable, path=str(self.temporary / "reviewdog.json")))
            program.chmod(0o755)
        return {name: given}

    @staticmethod
    def _filled(text: str, context: dict[str, str]) -> str:
        return EXPRESSION.sub(lambda match: context.get(match[1], ""), text)

    def _step(
        self, step: dict[str, Any], context: dict[str, str], workspace: Path, common: dict[str, str]
    ) -> subprocess.CompletedProcess[str]:
        assert step["shell"] == "bash"
        env = {name: self._filled(text, context) for name, text in step.get("env", {}).items()}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        return subprocess.run(
            command, cwd=workspace, env=os.environ | common | env, capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def runner(action: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(action, tmp_path_factory.mktemp("runner"))


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository whose main branch has an old finding, on a branch of a pull request."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    written(folder, DIRTY, "images/Dockerfile")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "base")
    git(folder, "checkout", "-qb", "work")
    return folder


def pull_request(folder: Path) -> object:
    return {"pull_request": {"base": {"sha": git(folder, "rev-parse", "main"), "ref": "main"}}}


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-actions", ["action.yml"]), ("vendor.github-workflows", [".github/workflows/ci.yml"])],
)
def test_the_files_are_valid(schema: str, files: list[str]) -> None:
    command = ["check-jsonschema", "--builtin-schema", schema, *(str(TOP / name) for name in files)]
    subprocess.run(command, check=True, capture_output=True)


def test_zizmor_finds_nothing() -> None:
    command = ["zizmor", "--offline", "--no-progress", "--persona=pedantic", "action.yml", ".github"]
    run = subprocess.run(command, cwd=TOP, capture_output=True, check=False, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


def test_no_input_is_put_into_shell_text(action: dict[str, Any]) -> None:
    assert [step["run"] for step in action["runs"]["steps"] if "${{" in step.get("run", "")] == []


def test_every_input_reaches_the_step_and_every_output_has_a_value(action: dict[str, Any]) -> None:
    step = next(step for step in action["runs"]["steps"] if step.get("id") == "slimconda")
    reached = {EXPRESSION.fullmatch(value)[1].removeprefix("inputs.") for value in step["env"].values()}  # type: ignore[index]
    assert reached | {"upload-sarif", "suggest", "github-token"} == set(action["inputs"])
    assert all(f"steps.slimconda.outputs.{name} " in output["value"] for name, output in action["outputs"].items())


def test_a_clean_repository(runner: Runner, tmp_path: Path) -> None:
    written(tmp_path, CLEAN)
    done = runner.run(tmp_path)
    assert (done.code, done.log) == (0, "nothing found in 1 Dockerfile\n")
    assert (done.outputs["findings"], done.outputs["fixed"], done.outputs["residue-bytes"]) == ("0", "0", "0")
    assert "nothing found in 1 Dockerfile" in done.summary


def test_findings_become_annotations_outputs_and_a_summary(runner: Runner, repository: Path) -> None:
    done = runner.run(repository, pull_request(repository))
    assert done.code == 1
    assert [(name, given["file"], given["line"]) for name, given in commands(done.log)] == [
        ("warning", "images/Dockerfile", "2")
    ]
    assert done.outputs["findings"] == "1"
    jsonschema.Draft7Validator(SCHEMA).validate(json.loads(Path(done.outputs["sarif-file"]).read_text()))
    assert json.loads(Path(done.outputs["rdjson-file"]).read_text())["diagnostics"][0]["suggestions"]
    assert "+RUN conda install -y b=1 && conda clean --all --yes" in done.summary
    assert runner.run(repository, **{"fail-on": "error"}).code == 0


def test_changed_only_shows_what_the_pull_request_brought(runner: Runner, repository: Path) -> None:
    event = pull_request(repository)
    changed = {"changed-only": "true"}
    assert runner.run(repository, event, **changed).code == 0
    written(repository, DIRTY + b"RUN conda install -y c=1\n", "images/Dockerfile")
    git(repository, "commit", "-qam", "more")
    done = runner.run(repository, event, **changed)
    assert [given["line"] for _, given in commands(done.log)] == ["3"]
    assert "1 from before the change" in done.log
    push = {"before": git(repository, "rev-parse", "HEAD")}
    assert runner.run(repository, push, **changed).code == 0
    done = runner.run(repository, {"before": "0" * 40}, **changed)
    assert len(commands(done.log)) == 2
    assert "everything is linted" in done.log
    done = runner.run(repository, {"before": "1" * 40}, **changed)
    assert (done.code, commands(done.log)) == (2, [])


def test_fix_mends_the_workspace(runner: Runner, repository: Path) -> None:
    done = runner.run(repository, fix="true")
    assert (done.code, done.outputs["fixed"], done.outputs["findings"]) == (0, "1", "0")
    assert (repository / "images/Dockerfile").read_bytes() == CLEAN


def test_an_image_is_measured(runner: Runner, tmp_path: Path) -> None:
    recipe = images.load_recipe(images.FIXTURES / "images" / "rm-later.toml")
    (tmp_path / "image.tar").write_bytes(images.docker_new([images.layer_tar(layer) for layer in recipe.layers]))
    written(tmp_path, CLEAN)
    done = runner.run(tmp_path, image="image.tar")
    assert int(done.outputs["residue-bytes"]) > 0
    assert (done.code, done.outputs["findings"]) == (1, "0")
    assert "residue" in done.log
    assert "residue" in done.summary
    assert runner.run(tmp_path, image="no-such.tar/x").code == 2


@pytest.mark.parametrize(
    ("budget", "code"), [({"max-residue": "1kB"}, 1), ({"max-residue": "1GB"}, 0), ({"max-size": "x"}, 2)]
)
def test_an_image_has_a_budget(runner: Runner, tmp_path: Path, budget: dict[str, str], code: int) -> None:
    recipe = images.load_recipe(images.FIXTURES / "images" / "rm-later.toml")
    (tmp_path / "image.tar").write_bytes(images.docker_new([images.layer_tar(layer) for layer in recipe.layers]))
    written(tmp_path, CLEAN)
    done = runner.run(tmp_path, image="image.tar", **{"fail-on": "error"}, **budget)
    assert done.code == code, done.log
    assert ("over budget" in done.summary) == (code == 1)


def test_a_baseline_and_a_configuration(runner: Runner, repository: Path) -> None:
    written(repository, b"ignore = ['conda-cache-left']", "other.toml")
    assert runner.run(repository, config="other.toml").code == 0
    written(repository, b'{"version": 1, "findings": []}', "base.json")
    assert runner.run(repository, baseline="base.json").code == 1
    assert runner.run(repository, baseline="no.json").code == 2


def test_sarif_is_uploaded_only_when_asked(runner: Runner, repository: Path) -> None:
    assert runner.run(repository).used == {}
    done = runner.run(repository, **{"upload-sarif": "true"})
    assert (done.code, done.reviewdog) == (1, None)
    assert done.used == {
        "github/codeql-action/upload-sarif": {"sarif_file": done.outputs["sarif-file"], "category": "slimconda"}
    }
    assert runner.run(repository, **{"upload-sarif": "true", "paths": "no-such-folder"}).used


def test_fixes_are_suggested_only_when_asked(runner: Runner, repository: Path) -> None:
    done = runner.run(repository, suggest="true")
    assert (done.code, done.used) == (1, {"reviewdog/action-setup": {"reviewdog_version": "v0.21.0"}})
    assert done.reviewdog is not None
    assert done.reviewdog["token"] == "the job's token"
    assert "-reporter=github-pr-review" in done.reviewdog["words"]
    (diagnostic,) = read(json.dumps(done.reviewdog["report"]), RESULT)["diagnostics"]
    assert diagnostic["location"]["path"] == "images/Dockerfile"
    assert diagnostic["suggestions"][0]["text"] == " && conda clean --all --yes"
    done = runner.run(repository, suggest="true", version="9", **{"github-token": "another"})
    assert (done.code, done.reviewdog) == (2, None)


def test_fix_with_changed_only_leaves_what_was_there(runner: Runner, repository: Path) -> None:
    path = written(repository, DIRTY + b"RUN conda install -y c=1\n", "images/Dockerfile")
    git(repository, "commit", "-qam", "more")
    done = runner.run(repository, pull_request(repository), fix="true", **{"changed-only": "true"})
    assert (done.code, done.outputs["fixed"], done.outputs["findings"]) == (0, "1", "0")
    assert path.read_bytes() == DIRTY + b"RUN conda install -y c=1 && conda clean --all --yes\n"


def demo_image(folder: Path, name: str, *, cleaned: bool) -> Path:
    path = folder / name
    steps = [demo._base(), demo._install(cleaned=cleaned)]
    demo._written(path, steps if cleaned else [*steps, demo._later_clean()])
    return path


def test_annotations_say_what_lines_cost_in_the_image(runner: Runner, tmp_path: Path) -> None:
    written(tmp_path, demo.DOCKERFILE, "images/Dockerfile")
    demo_image(tmp_path, "image.tar", cleaned=False)
    done = runner.run(tmp_path, image="image.tar", dockerfile="./images/Dockerfile")
    (annotation,) = [line for line in done.log.splitlines() if line.startswith("::warning") and ",line=2," in line]
    assert "conda install leaves its package cache in this layer: 7.7 MB in the image" in annotation
    assert "7&#46;7 MB in the image" in done.summary
    assert "7.7 MB in the image" in Path(done.outputs["sarif-file"]).read_text()
    assert len(commands(done.log)) == 3


def test_an_image_is_compared_with_an_earlier_one(runner: Runner, tmp_path: Path) -> None:
    written(tmp_path, CLEAN)
    demo_image(tmp_path, "new.tar", cleaned=False)
    demo_image(tmp_path, "old.tar", cleaned=True)
    done = runner.run(tmp_path, image="new.tar", since="old.tar")
    compared = slimconda("compare", "old.tar", "new.tar", cwd=tmp_path).stdout.decode()
    assert compared in done.log
    assert compared.splitlines()[0] in done.summary
    assert done.code == 1
    report = slimconda("inspect", "old.tar", "--format", "json", cwd=tmp_path).stdout
    written(tmp_path, report, "old.json")
    done = runner.run(tmp_path, image="new.tar", since="old.json", **{"max-growth": "1kB", "fail-on": "error"})
    assert (done.code, "--max-growth" in done.log, compared in done.log) == (1, True, False)
    assert runner.run(tmp_path, image="new.tar", since="no.tar").code == 2


@pytest.mark.parametrize(
    ("event", "base"),
    [
        ({"pull_request": {"base": {"sha": "a" * 40}}, "before": "b" * 40}, "a" * 40),
        ({"merge_group": {"base_sha": "c" * 40}}, "c" * 40),
        ({"before": "b" * 40}, "b" * 40),
        ({"before": "0" * 40}, None),
        ({"pull_request": None}, None),
        ({"pull_request": {"base": "x"}, "before": 1}, None),
        ([], None),
    ],
)
def test_where_the_change_of_an_event_starts(tmp_path: Path, event: object, base: str | None) -> None:
    path = written(tmp_path, json.dumps(event).encode(), "event.json")
    assert base_commit({"GITHUB_EVENT_PATH": str(path)}) == base


def test_a_summary_stays_below_a_mebibyte(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    report, summary = written(tmp_path, b"# report\n", "report.md"), tmp_path / "summary"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    write_summary(report, ["short"])
    write_summary(report, ["x" * 1_000_000])
    assert summary.read_text().startswith("# report\n\nshort\n# report\n\nThe image's report is too long")


@pytest.mark.parametrize("version", ["", "0.1.0", "v0.1", "0"])
def test_the_version_that_is_expected(runner: Runner, tmp_path: Path, version: str) -> None:
    assert __version__ == "0.1.0"
    written(tmp_path, CLEAN)
    assert runner.run(tmp_path, version=version).code == 0


@pytest.mark.parametrize("version", ["0.2", "0.1.0.1", "1", "latest", "0.", "$(touch x)"])
def test_a_version_that_is_not_expected(runner: Runner, tmp_path: Path, version: str) -> None:
    written(tmp_path, CLEAN)
    done = runner.run(tmp_path, version=version)
    assert (done.code, done.outputs) == (2, {})
    assert done.log.startswith(f"slimconda: version: this action is slimconda {__version__}, not {version}")


def test_paths_are_lines_and_never_shell(runner: Runner, tmp_path: Path) -> None:
    for name in ("a b", "$(touch x)"):
        written(tmp_path, CLEAN, f"{name}/Dockerfile")
    done = runner.run(tmp_path, paths="a b\n\n$(touch x)\n")
    assert (done.code, done.log) == (0, "nothing found in 2 Dockerfiles\n")
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize(
    "inputs", [{"fix": "yes please"}, {"fail-on": "never"}, {"paths": "--help"}, {"format": "xml"}]
)
def test_a_wrong_input_fails_with_2(runner: Runner, tmp_path: Path, inputs: dict[str, str]) -> None:
    written(tmp_path, DIRTY)
    assert runner.run(tmp_path, **inputs).code == 2


PYTHON = b"import pathlib, os\npathlib.Path(os.environ['GITHUB_WORKSPACE'], 'owned').touch()\n"


def test_a_hostile_pull_request(action: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q")
    hostile.make(folder)
    for module in ("venv", "pip", "slimconda", "json", "typer", "sitecustomize", "ensurepip"):
        written(folder, PYTHON, f"{module}.py")
    (tmp_path / "runner").mkdir()
    done = Runner(action, tmp_path / "runner").run(folder, **{"fail-on": "error"})
    assert done.code == 0, done.log
    assert not (folder / "owned").exists()
    assert {name for name, _ in commands(done.log)} == {"warning", "notice"}
    assert len(commands(done.log)) == 20
    assert f"{int(done.outputs['findings']) - 20} of these have no annotation" in done.summary
    assert set(done.outputs) == {"findings", "fixed", "residue-bytes", "sarif-file", "rdjson-file"}
    assert "\x1b" not in done.log + done.summary
    assert "<script>" not in done.summary.split("<details")[0]
