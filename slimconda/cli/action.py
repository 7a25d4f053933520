"""Owns what the GitHub Action does between its inputs, given by the environment, and the files of GitHub's runner."""

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slimconda.cli.output import BAD_INPUT, note
from slimconda.errors import InputError
from slimconda.reporters.escapes import fenced, inert

# Above 1 MiB GitHub drops the whole summary of a step; a file name in a report is at most a path long.
LONGEST_SUMMARY = 1_000_000
# Inputs that inspect takes as options of the same name.
IMAGE_OPTIONS = ("config", "fail-on", "dockerfile", "max-size", "max-residue", "max-growth", "since")
NOTHING_BEFORE = "0" * 40
LARGEST_EVENT = 64 << 20


@dataclass(frozen=True)
class Inputs:
    """The action's inputs by their names, as strings; an empty one is as good as none."""

    values: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Return an input without blanks around it."""
        return self.values.get(name, "").strip()

    def flag(self, name: str) -> bool:
        """Return whether an input says yes; raises InputError for what is neither yes nor no."""
        value = self.text(name).lower()
        if value not in {"true", "false", ""}:
            raise InputError(f"{name} must be true or false, not {self.text(name)!r}")
        return value == "true"

    @property
    def paths(self) -> list[str]:
        """Return the paths, one a line."""
        return [line.strip() for line in self.values.get("paths", "").splitlines() if line.strip()] or ["."]


def main() -> None:
    """Lint, perhaps fix and inspect; write outputs and summary; exit with the worst of the exit codes."""
    prefix = "SLIMCONDA_INPUT_"
    given = {
        name.removeprefix(prefix).lower().replace("_", "-"): os.environ[name] for name in os.environ if prefix in name
    }
    try:
        sys.exit(run(Inputs(given), Path(os.environ["RUNNER_TEMP"])))
    except InputError as error:
        note(str(error))
        sys.exit(BAD_INPUT)


def run(inputs: Inputs, temporary: Path) -> int:
    """Do what the inputs ask and return the exit code; raises InputError."""
    files = {name: temporary / f"slimconda.{name}" for name in ("json", "sarif", "rdjson", "markdown")}
    for path in files.values():
        path.unlink(missing_ok=True)
    before, fixed = 0, inputs.flag("fix")
    options = _options(inputs)
    if fixed:
        _slimconda("lint", "--format=json", "--exit-zero", f"--output=json={files['json']}", *options, quiet=True)
        before = _findings(files["json"])
        _slimconda("fix", "--exit-zero", *_common(inputs))
    outputs = [f"--output={name}={path}" for name, path in files.items()]
    code = _slimconda("lint", *_shown(inputs), *outputs, *options)
    after = _findings(files["json"])
    image, residue, text = _inspect(inputs) if inputs.text("image") else (0, 0, "")
    _write_outputs(
        {"findings": after, "fixed": max(0, before - after) if fixed else 0, "residue-bytes": residue}
        | {f"{name}-file": files[name] for name in ("sarif", "rdjson") if files[name].exists()}
    )
    _write_summary(files["markdown"], text)
    return max(code, image)


def _options(inputs: Inputs) -> list[str]:
    """Return lint's options and paths."""
    options = []
    if inputs.flag("changed-only"):
        base = _base()
        if base:
            options.append(f"--changed-since={base}")
        else:
            note("this event names no earlier commit, so that everything is linted")
    if inputs.text("baseline"):
        options.append(f"--baseline={inputs.text('baseline')}")
    return [*options, *_common(inputs)]


def _common(inputs: Inputs) -> list[str]:
    """Return what lint and fix take alike: configuration, then the paths."""
    config = [f"--config={inputs.text('config')}"] if inputs.text("config") else []
    fail_on = [f"--fail-on={inputs.text('fail-on')}"] if inputs.text("fail-on") else []
    return [*config, *fail_on, "--", *inputs.paths]


def _shown(inputs: Inputs) -> list[str]:
    return [f"--format={inputs.text('format')}"] if inputs.text("format") else []


def _base() -> str | None:
    """Return the commit that the event's change starts from: of a pull request, or of a push to an existing branch."""
    path = Path(os.environ.get("GITHUB_EVENT_PATH", ""))
    try:
        event: Any = json.loads(path.read_bytes()) if path.is_file() and path.stat().st_size < LARGEST_EVENT else {}
    except (OSError, ValueError, RecursionError):
        raise InputError(f"{path}: not an event of GitHub") from None
    base = event.get("pull_request", {}).get("base", {}).get("sha") or event.get("before")
    return base if isinstance(base, str) and base and base != NOTHING_BEFORE else None


def _inspect(inputs: Inputs) -> tuple[int, int, str]:
    """Measure the image; return the exit code, the residue in bytes, and the report as text."""
    image = inputs.text("image")
    common = [*(f"--{name}={inputs.text(name)}" for name in IMAGE_OPTIONS if inputs.text(name)), "--", image]
    run = _captured("inspect", "--format=json", *common)
    if run.returncode > 1:
        return run.returncode, 0, ""
    text = _captured("inspect", *common).stdout.decode("utf-8", "replace")
    print(inert(text), end="", flush=True)  # noqa: T201
    return run.returncode, json.loads(run.stdout)["totals"]["residue"], text


def _slimconda(*words: str, quiet: bool = False) -> int:
    return subprocess.run(_command(*words), check=False, stdout=subprocess.DEVNULL if quiet else None).returncode  # noqa: S603


def _captured(*words: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(_command(*words), check=False, stdout=subprocess.PIPE)  # noqa: S603


def _command(*words: str) -> list[str]:
    # -I: what lies in the checked-out folder is never imported.
    return [sys.executable, "-I", "-c", "from slimconda.cli import main; main()", *words]


def _findings(report: Path) -> int:
    try:
        return int(json.loads(report.read_bytes())["summary"]["findings"])
    except FileNotFoundError:
        return 0


def _write_outputs(values: dict[str, object]) -> None:
    """Append outputs with a delimiter that no value can know."""
    path = os.environ.get("GITHUB_OUTPUT")
    if path:
        delimiter = f"end-{secrets.token_hex(16)}"
        text = "".join(f"{name}<<{delimiter}\n{value}\n{delimiter}\n" for name, value in values.items())
        with Path(path).open("a", encoding="utf-8") as file:
            file.write(text)


def _write_summary(report: Path, inspected: str) -> None:
    """Append the step's summary: what lint found, and what the image holds."""
    path = os.environ.get("GITHUB_STEP_SUMMARY")
    if not path or not report.exists():
        return
    text = report.read_text(encoding="utf-8")
    if inspected:
        text += f"\n{fenced(inspected)}\n"
    if len(text.encode()) > LONGEST_SUMMARY:
        text = report.read_text(encoding="utf-8") + "\nThe image's report is too long for a summary; the log has it.\n"
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
