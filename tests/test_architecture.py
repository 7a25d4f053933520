"""What can drift: the order of the rooms, the wheel, the README, what lint imports."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from slimconda.cli.app import MODULES
from slimconda.config import Config
from slimconda.dockerfile.parser import Instruction
from slimconda.linter import lint
from slimconda.reporters.rules import render_table
from slimconda.rulebook import load_rules
from slimconda.source import Source
from tests.images import docker_new, layer_tar

TOP = Path(__file__).parent.parent
MARKED = re.compile(r"(<!-- generated: ([^>]*?) -->)(.*?)(<!-- end -->)", re.DOTALL)
HEAVY = (
    "docker",
    "requests",
    "jinja2",
    "rich",
    "pydantic",
    "tabulate",
    "urllib3",
    "yaml",
    "click.testing",
    "importlib.metadata",
)

# typer brings the next two; the shell's grammar is loaded where a RUN is to be read.
USED = {"dockerfile_parse", "typer", "annotated_doc", "shellingham"}
SHELL_PARSERS = {"tree_sitter", "tree_sitter_bash"}
CLEANED = "FROM a\nRUN conda install -y b && conda clean -ay\n"
LEFT = "FROM a\nRUN conda install -y b && pip install c\n"
PLAIN = "FROM a\nRUN apt-get update && apt-get install -y b && pip install c\n"


def command(*words: str, cwd: Path = TOP, **env: str) -> str:
    run = subprocess.run(words, cwd=cwd, capture_output=True, check=False, text=True, env=os.environ | env)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_imports_go_one_way() -> None:
    command(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()")


def loaded_by(folder: Path, *arguments: str) -> set[str]:
    """Return the modules that slimconda has imported when it ends, called in a folder."""
    code = (
        f"import sys\nfrom slimconda.cli import main\nsys.argv = ['slimconda', *{[*arguments]!r}]\n"
        "try: main()\nexcept SystemExit as end: assert end.code in {0, 1}\n"
        "print('loaded:', *sys.modules)"
    )
    return set(command(sys.executable, "-c", code, cwd=folder).rpartition("loaded:")[2].split())


def loaded_by_lint(folder: Path, text: str) -> set[str]:
    """Return the modules that `slimconda lint` has imported when it ends, in a folder with this one Dockerfile."""
    (folder / "Dockerfile").write_text(text)
    return loaded_by(folder, "lint")


@pytest.mark.parametrize("text", [CLEANED, LEFT, PLAIN])
def test_lint_imports_nothing_heavy(text: str, tmp_path: Path) -> None:
    assert loaded_by_lint(tmp_path, text).intersection(HEAVY) == set()


@pytest.mark.parametrize(("text", "parsers"), [(CLEANED, SHELL_PARSERS), (LEFT, SHELL_PARSERS), (PLAIN, set())])
def test_lint_imports_only_the_packages_that_it_uses(text: str, parsers: set[str], tmp_path: Path) -> None:
    packages = {name.partition(".")[0] for name in loaded_by_lint(tmp_path, text)}
    ours = {name for name in packages - set(sys.stdlib_module_names) if not name.startswith("_")}
    assert ours - {"slimconda"} == USED | parsers


@pytest.mark.parametrize("text", [CLEANED, LEFT, PLAIN])
def test_lint_imports_only_its_own_rooms(text: str, tmp_path: Path) -> None:
    rooms = {name for name in loaded_by_lint(tmp_path, text) if name.startswith("slimconda.")}
    others = (
        "layers",
        "rewriter",
        "demo",
        "environments",
        "dockerfile.builder",
        "dockerfile.micromamba_base",
        "reporters.json",
        "reporters.diff",
        "reporters.inspect_text",
    )
    assert {name for name in rooms if name.removeprefix("slimconda.").startswith(others)} == set()


@pytest.mark.parametrize("words", [("inspect",), ("inspect", "--format", "json"), ("compare", "a.tar")])
def test_looking_at_an_image_imports_nothing_that_it_does_not_need(words: tuple[str, ...], tmp_path: Path) -> None:
    urls, cached = {"file": "opt/conda/pkgs/urls", "size": 9}, {"file": "opt/conda/pkgs/a-1-0.conda", "size": 200_000}
    (tmp_path / "a.tar").write_bytes(docker_new([layer_tar([urls, cached])]))
    loaded = loaded_by(tmp_path, *words, "a.tar", "--no-cache")
    assert "slimconda.layers.residue" in loaded
    others = ("slimconda.dockerfile", "slimconda.checks", "slimconda.linter", "slimconda.rewriter", "tree_sitter")
    assert {name for name in loaded if name.startswith(others)} == set()
    unused = {"isal", "zstandard", "slimconda.budgets", "slimconda.files", "slimconda.layers.store"}
    tables = {"tabulate"} if "json" not in words else set()
    assert ({*HEAVY, *unused} - tables) & loaded == set()


@pytest.mark.parametrize("words", [("lint",), ("inspect", "a.tar")])
def test_a_command_imports_no_other(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(CLEANED)
    (tmp_path / "a.tar").write_bytes(docker_new([layer_tar([{"file": "a", "size": 1}])]))
    loaded = loaded_by(tmp_path, *words)
    assert {name for name in MODULES.values() if f"slimconda.cli.{name}" in loaded} == {words[0]}


def test_a_dockerfile_without_conda_has_no_shell_text_read(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Instruction] = []
    monkeypatch.setattr("slimconda.dockerfile.analysis.run_layer", lambda stage, run, *_: read.append(run))
    lint(Source("Dockerfile", PLAIN.encode()), Config())
    assert read == []
    lint(Source("Dockerfile", LEFT.encode()), Config())
    assert len(read) == 1


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(TOP))
    return next(folder.glob("*.whl"))


def test_the_wheel_ships_every_card(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    cards = {Path(name).stem for name in names if name.startswith("slimconda/rules/") and name.endswith(".md")}
    assert cards == {*load_rules(), "README"}
    assert "slimconda/py.typed" in names


def test_the_wheel_finds_its_cards(wheel: Path, tmp_path: Path) -> None:
    zipfile.ZipFile(wheel).extractall(tmp_path)
    code = "import slimconda.rulebook as r; print(r.__file__, len(r.load_rules()))"
    file, count = command(sys.executable, "-c", code, cwd=tmp_path).split()
    assert Path(file).is_relative_to(tmp_path)
    assert int(count) == len(load_rules())


@pytest.mark.parametrize("name", ["README.md", "rules/README.md"])
def test_generated_blocks_are_up_to_date(name: str, update: bool) -> None:
    path = TOP / name
    expected = MARKED.sub(lambda match: f"{match[1]}\n{generated(match[2])}{match[4]}", path.read_text())
    if update:
        path.write_text(expected)
    assert path.read_text() == expected


def generated(block: str) -> str:
    """Return what stands between the marks of a block: `rules` is the table, else the help of a command."""
    if block == "rules":
        return linked(render_table(list(load_rules().values()), "github"))
    code = f"import sys; sys.argv = ['slimconda', *{block.split()[1:]!r}, '--help']\nfrom slimconda.cli import main; main()"
    return f"```text\n{command(sys.executable, '-c', code, TERMINAL_WIDTH='100')}```\n"


def linked(table: str) -> str:
    """Return the table with each rule's name as a link to its card."""
    for name in load_rules():
        table = table.replace(
            f"| {name} ", f"| [{name}](https://github.com/slimconda/slimconda/blob/main/rules/{name}.md) "
        )
    return table


def test_modules_stay_small() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (TOP / "slimconda").rglob("*.py")}
    assert {str(path): n for path, n in lengths.items() if n > 330} == {}
