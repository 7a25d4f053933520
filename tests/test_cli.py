"""The command line as a user meets it: output, exit codes, one clear line for bad input."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CLEAN = b"FROM a\nRUN conda install -y b=1 && conda clean --all --yes\n"
DIRTY = b"FROM a\nRUN conda install -y b=1\n"
FIXED = CLEAN
RUN = [sys.executable, "-c", "from slimconda.cli import main; main()"]


def slimconda(*words: str, cwd: Path, stdin: bytes = b"", **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run the command line in a folder, away from the environment of GitHub Actions."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}
    if words[:1] in {("inspect",), ("compare",), ("du",)}:
        plain["SLIMCONDA_CACHE"] = str(cwd / ".kept")
    return subprocess.run([*RUN, *words], cwd=cwd, input=stdin, capture_output=True, check=False, env=plain | env)


def written(folder: Path, data: bytes, name: str = "Dockerfile") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def one_line(stderr: bytes) -> str:
    lines = stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("slimconda: ")
    return lines[0]


def test_lint_finds_and_exits_with_1(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    run = slimconda("lint", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout.startswith(b"Dockerfile:2:5: warning[conda-cache-left]")
    assert run.stdout.endswith(b"1 warning (1 fixable with `slimconda fix`) in 1 Dockerfile\n")


def test_lint_is_silent_and_exits_with_0(tmp_path: Path) -> None:
    written(tmp_path, CLEAN)
    run = slimconda("lint", "Dockerfile", cwd=tmp_path)
    assert (run.returncode, run.stdout) == (0, b"nothing found in 1 Dockerfile\n")


def test_json_has_the_fields_of_version_1(tmp_path: Path) -> None:
    written(tmp_path, b"FROM a AS \xc3\xa9\n# \xff\nRUN conda install -y \xc3\xa9\n")
    report = json.loads(slimconda("lint", "--format", "json", cwd=tmp_path).stdout)
    assert report["version"] == 1
    finding = report["findings"][0]
    assert len(finding.pop("fingerprint")) == 32
    edit = finding.pop("fix")["edits"][0]
    assert edit == {"start": 40, "end": 40, "text": " && conda clean --all --yes"}
    assert finding == {
        "rule": "conda-cache-left",
        "severity": "warning",
        "message": "conda install leaves its package cache in this layer",
        "path": "Dockerfile",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 23,
        "stage": "é",
        "ignored": False,
        "unfixable": None,
    }


def test_a_threshold_decides_on_the_exit_code(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    assert slimconda("lint", "--fail-on", "error", cwd=tmp_path).returncode == 0
    assert slimconda("lint", "--ignore", "conda-cache-left", cwd=tmp_path).returncode == 0
    assert slimconda("lint", "--select", "syntax-error", cwd=tmp_path).returncode == 0


def test_github_actions_get_annotations(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    run = slimconda("lint", cwd=tmp_path, GITHUB_ACTIONS="true")
    assert run.stdout.startswith(b"::warning file=Dockerfile,line=2,endLine=2,col=5,endColumn=25,title=slimconda")
    text = slimconda("lint", "--format", "text", cwd=tmp_path, GITHUB_ACTIONS="true")
    assert text.stdout.startswith(b"Dockerfile:2:5")


def test_folders_hold_what_git_and_the_conventions_say(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    written(tmp_path, b"ignored/\n", ".gitignore")
    for name in ("Dockerfile", "a/Dockerfile.gpu", "b/x.dockerfile", "Containerfile", "ignored/Dockerfile"):
        written(tmp_path, DIRTY, name)
    for name in ("Dockerfile.dockerignore", "c/Dockerfile.py", "README.md"):
        written(tmp_path, DIRTY, name)
    report = json.loads(slimconda("lint", ".", "--format", "json", cwd=tmp_path).stdout)
    assert [finding["path"] for finding in report["findings"]] == [
        "Containerfile", "Dockerfile", "a/Dockerfile.gpu", "b/x.dockerfile",
    ]  # fmt: skip


def test_fix_writes_in_place_and_keeps_mode_and_link(tmp_path: Path) -> None:
    path = written(tmp_path, DIRTY, "real")
    path.chmod(0o751)
    (tmp_path / "Dockerfile").symlink_to("real")
    run = slimconda("fix", "Dockerfile", cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, b"Dockerfile: 1 fixed\n")
    assert path.read_bytes() == FIXED
    assert (tmp_path / "Dockerfile").is_symlink()
    assert path.stat().st_mode & 0o777 == 0o751
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["Dockerfile", "real"]


def test_fix_diff_applies_with_git_and_writes_nothing(tmp_path: Path) -> None:
    path = written(tmp_path, b"FROM a\r\nRUN conda install -y b")
    diff = slimconda("fix", "--diff", "Dockerfile", cwd=tmp_path).stdout
    assert path.read_bytes() == b"FROM a\r\nRUN conda install -y b"
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, check=True)
    assert path.read_bytes() == b"FROM a\r\nRUN conda install -y b && conda clean --all --yes"


def test_fix_check_says_what_would_change(tmp_path: Path) -> None:
    path = written(tmp_path, DIRTY)
    run = slimconda("fix", "--check", cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (1, b"", b"Dockerfile: 1 would be fixed\n")
    assert path.read_bytes() == DIRTY
    path.write_bytes(FIXED)
    assert slimconda("fix", "--check", cwd=tmp_path).returncode == 0


def test_fix_is_a_filter(tmp_path: Path) -> None:
    run = slimconda("fix", "-", cwd=tmp_path, stdin=DIRTY)
    assert (run.returncode, run.stdout) == (0, FIXED)


def test_a_closed_standard_input_is_one_line(tmp_path: Path) -> None:
    for command in ("lint", "fix"):
        closed = ["sh", "-c", 'exec "$@" <&-', "sh", *RUN, command, "-"]
        run = subprocess.run(closed, cwd=tmp_path, capture_output=True, check=False)
        assert (run.returncode, one_line(run.stderr)) == (2, "slimconda: standard input: it is closed")


def test_what_cannot_be_fixed_is_left_and_counts(tmp_path: Path) -> None:
    path = written(tmp_path, b"FROM a\nRUN conda install -y b || check b\n")
    run = slimconda("fix", cwd=tmp_path)
    assert run.returncode == 1
    assert run.stderr == (
        b"Dockerfile: 0 fixed, 1 left (see: slimconda lint)\nin 1 file: 0 fixed; 1 left: 1 beside a ||\n"
    )
    assert path.read_bytes() == b"FROM a\nRUN conda install -y b || check b\n"


@pytest.mark.parametrize("command", ["lint", "fix"])
@pytest.mark.parametrize(
    ("data", "why"),
    [(b"", "empty"), (b" \n\n", "empty"), (b"\x7fELF\0\1", "NUL"), (None, "no such file")],
)
def test_bad_input_is_one_line_and_exit_2(tmp_path: Path, command: str, data: bytes | None, why: str) -> None:
    if data is not None:
        written(tmp_path, data)
    run = slimconda(command, "Dockerfile", cwd=tmp_path)
    assert run.returncode == 2
    assert why in one_line(run.stderr)
    assert data is None or (tmp_path / "Dockerfile").read_bytes() == data


def test_a_folder_without_dockerfiles_is_bad_input(tmp_path: Path) -> None:
    run = slimconda("lint", cwd=tmp_path)
    assert (run.returncode, one_line(run.stderr)) == (2, "slimconda: .: no Dockerfile in this folder")


def test_one_bad_file_does_not_hide_the_others(tmp_path: Path) -> None:
    written(tmp_path, b"", "a.dockerfile")
    written(tmp_path, DIRTY, "b.dockerfile")
    run = slimconda("lint", ".", "c", cwd=tmp_path)
    assert run.returncode == 2
    assert b"b.dockerfile:2:5" in run.stdout
    assert [line.split(":")[1] for line in run.stderr.decode().splitlines()] == [" c", " a.dockerfile"]


def test_a_syntax_error_is_a_finding_and_stops_fix(tmp_path: Path) -> None:
    data = b"FROM a\nRUN conda install -y b\n&& conda clean\n"
    path = written(tmp_path, data)
    report = json.loads(slimconda("lint", "--format", "json", cwd=tmp_path).stdout)
    assert [(f["rule"], f["line"], f["severity"]) for f in report["findings"]] == [("syntax-error", 3, "error")]
    run = slimconda("fix", "--select", "conda-cache-left", cwd=tmp_path)
    assert run.returncode == 2
    assert one_line(run.stderr) == "slimconda: Dockerfile:3: left as it is: unknown instruction '&&'"
    assert path.read_bytes() == data


def test_a_template_is_no_dockerfile_yet(tmp_path: Path) -> None:
    path = written(tmp_path, b"FROM a\n{% if x %}\nRUN conda install -y b\n{% endif %}\n")
    assert slimconda("lint", cwd=tmp_path).returncode == 0
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert path.read_bytes().startswith(b"FROM a\n{%")


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("slimconda.toml", "slect = []", "unknown key 'slect' (did you mean 'select'?)"),
        ("slimconda.toml", "ignore = ['conda-cash']", "unknown rule 'conda-cash' (did you mean"),
        ("slimconda.toml", "fail-on = 'never'", "fail-on must be"),
        ("slimconda.toml", "clean-arguments = '; rm -rf /'", "clean-arguments must be"),
        ("slimconda.toml", "clean-arguments = '--tarballs --yes'", "must clean everything"),
        ("slimconda.toml", "clean-arguments = '--all'", "ask nothing"),
        ("slimconda.toml", "= 1", "slimconda.toml: "),
        ("pyproject.toml", "[tool.slimconda]\nselect = 'x'", "select must be"),
    ],
)
def test_bad_configuration_is_one_line_and_exit_2(tmp_path: Path, name: str, text: str, why: str) -> None:
    written(tmp_path, DIRTY)
    written(tmp_path, text.encode(), name)
    run = slimconda("lint", cwd=tmp_path)
    assert run.returncode == 2
    assert why in one_line(run.stderr)


def test_configuration_is_read_from_the_nearest_file(tmp_path: Path) -> None:
    written(tmp_path, b'[tool.slimconda]\nclean-arguments = "-afy"\n', "pyproject.toml")
    path = written(tmp_path, DIRTY, "a/b/Dockerfile")
    assert slimconda("fix", cwd=path.parent).returncode == 0
    assert path.read_bytes() == b"FROM a\nRUN conda install -y b=1 && conda clean -afy\n"


@pytest.mark.parametrize(
    "words", [["lint", "--format", "xml"], ["lint", "--select", "no-such"], ["explain", "conda-cach-left"], ["nothing"], []]
)  # fmt: skip
def test_wrong_usage_exits_with_2(tmp_path: Path, words: list[str]) -> None:
    run = slimconda(*words, cwd=tmp_path)
    assert run.returncode == 2
    assert b"Traceback" not in run.stderr


def test_rules_and_explain(tmp_path: Path) -> None:
    names = [rule["name"] for rule in json.loads(slimconda("rules", "--format", "json", cwd=tmp_path).stdout)["rules"]]
    assert "conda-cache-left" in names
    listed = slimconda("rules", cwd=tmp_path).stdout.decode()
    assert all(name in listed for name in names)
    assert slimconda("explain", names[0], cwd=tmp_path).stdout.startswith(f"# {names[0]}: ".encode())


def test_ignored_findings_are_counted_and_kept(tmp_path: Path) -> None:
    written(tmp_path, b"FROM a\n# slimconda: ignore[conda-cache-left] offline later\nRUN conda install -y b=1\n")
    run = slimconda("lint", "--format", "json", cwd=tmp_path)
    report = json.loads(run.stdout)
    assert run.returncode == 0
    assert [finding["ignored"] for finding in report["findings"]] == [True]
    assert report["summary"]["ignored"] == 1
    assert slimconda("fix", "--check", cwd=tmp_path).returncode == 0


def test_control_characters_of_a_file_do_not_reach_the_terminal(tmp_path: Path) -> None:
    written(tmp_path, b"FROM a\nRUN conda install -y \x1b[31mred\x1b]0;title\x07\n::error::x\n")
    run = slimconda("lint", cwd=tmp_path)
    assert b"\x1b" not in run.stdout
    assert b"\x07" not in run.stdout


def test_a_slow_inspect_shows_its_progress(tmp_path: Path) -> None:
    slow = (
        "import time, slimconda.layers.image as i\n"
        "from slimconda.errors import ImageError\n"
        "def open_image(name, request):\n"
        "    progress = request.progress\n    progress(1)\n    time.sleep(1.1)\n    progress(250_000_000)\n    raise ImageError('enough')\n"
        "i.open_image = open_image\n"
        "from slimconda.cli import main\nmain()"
    )
    run = subprocess.run([sys.executable, "-c", slow, "inspect", "x"], cwd=tmp_path, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (2, b"")
    assert run.stderr == b"reading x: 250 MB\nslimconda: enough\n"


def test_an_interrupt_ends_without_a_traceback(tmp_path: Path) -> None:
    interrupted = (
        "import os, signal, time, slimconda.layers.image as i\n"
        "def open_image(name, request):\n    signal.signal(signal.SIGINT, signal.default_int_handler)\n    os.kill(os.getpid(), signal.SIGINT)\n    time.sleep(60)\n"
        "i.open_image = open_image\n"
        "from slimconda.cli import main\nmain()"
    )
    command = [sys.executable, "-c", interrupted, "inspect", "x"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
    assert (run.returncode, run.stdout) == (130, b"")
    assert b"Traceback" not in run.stderr


def test_an_output_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    written(tmp_path, CLEAN)
    with Path("/dev/full").open("wb") as full:
        run = subprocess.run([*RUN, "lint"], cwd=tmp_path, stdout=full, stderr=subprocess.PIPE, check=False)
    assert run.returncode == 2
    assert one_line(run.stderr) == "slimconda: output: No space left on device"


def test_a_report_that_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    written(tmp_path, DIRTY)
    (tmp_path / "old.json").write_bytes(b"old")
    (tmp_path / "circle.json").symlink_to("circle.json")
    small = (
        "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)); from slimconda.cli import main; main()"
    )
    for name, why in (
        ("new.json", "File too large"),
        ("old.json", "File too large"),
        ("circle.json", "symbolic links"),
    ):
        words = ["lint", "--output", f"json={name}"]
        run = subprocess.run([sys.executable, "-c", small, *words], cwd=tmp_path, capture_output=True, check=False)
        assert run.returncode == 2
        assert why in one_line(run.stderr)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Dockerfile", "circle.json", "old.json"]
    assert (tmp_path / "old.json").read_bytes() == b"old"


def test_an_environment_file_that_links_to_itself_is_one_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, b"FROM debian\nCOPY environment.yml .\nRUN conda env create -f environment.yml\n")
    without = slimconda("lint", cwd=tmp_path)
    (tmp_path / "environment.yml").symlink_to("environment.yml")
    run = slimconda("lint", cwd=tmp_path)
    assert (run.returncode, run.stdout, run.stderr) == (1, without.stdout, b"")


def test_a_diff_quotes_a_strange_name(tmp_path: Path) -> None:
    written(tmp_path, DIRTY, "D\x1b[31m \n\u00e9.Dockerfile")
    run = slimconda("fix", "--diff", ".", cwd=tmp_path)
    assert run.stdout.startswith(b'--- "a/D\\033[31m \\n\xc3\xa9.Dockerfile"\n+++ "b/D')
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=run.stdout, check=True)
    assert (tmp_path / "D\x1b[31m \n\u00e9.Dockerfile").read_bytes() == FIXED


def test_fix_ends_with_a_summary_over_all_files(tmp_path: Path) -> None:
    written(tmp_path, DIRTY, "a.dockerfile")
    text = b"FROM a\nRUN conda install -y b || check b\nRUN f() { conda install -y c; }; f\nRUN conda install -y d\n"
    path = written(
        tmp_path, text + b"# slimconda: ignore[conda-cache-left] kept\nRUN conda install -y e\n", "b.dockerfile"
    )
    written(tmp_path, b"", "c.dockerfile")
    run = slimconda("fix", cwd=tmp_path)
    assert run.returncode == 2
    assert run.stderr.decode().splitlines() == [
        "a.dockerfile: 1 fixed",
        "b.dockerfile: 1 fixed, 2 left (see: slimconda lint)",
        "slimconda: c.dockerfile: the file is empty",
        "in 3 files: 2 fixed; 2 left: 1 beside a ||, 1 inside a function; 1 ignored; 1 skipped as no Dockerfile that Docker takes",
    ]
    assert path.read_bytes().count(b"conda clean") == 1


@pytest.mark.parametrize("given", ["{}", "./{}", "sub/../{}", "{folder}/{}"])
def test_a_diff_of_any_name_applies(tmp_path: Path, given: str) -> None:
    names = ["my Dockerfile", " Dockerfile.x", "Dockerfile. ", "Dockerfile.\udcff", "s p/Dockerfile", "Dockerfile.\t"]
    paths = [written(tmp_path, DIRTY, name) for name in names]
    (tmp_path / "sub").mkdir()
    diff = slimconda("fix", "--diff", *(given.format(name, folder=tmp_path) for name in names), cwd=tmp_path).stdout
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=diff, check=True)
    assert [path.read_bytes() for path in paths] == [FIXED] * len(paths)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_fix_keeps_the_owner(tmp_path: Path) -> None:
    path = written(tmp_path, DIRTY)
    os.chown(path, 1234, 4321)
    assert slimconda("fix", cwd=tmp_path).returncode == 0
    assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_a_bug_exits_with_3(tmp_path: Path) -> None:
    broken = "import slimconda.linter as l\nl.lint = lambda *a: 1 / 0\nfrom slimconda.cli import main\nmain()"
    written(tmp_path, DIRTY)
    run = subprocess.run([sys.executable, "-c", broken, "lint"], cwd=tmp_path, capture_output=True, check=False)
    assert run.returncode == 3
    assert b"ZeroDivisionError" in run.stderr
    assert b"Traceback" not in run.stderr
