"""What can drift: the order of the rooms, the wheel, the README, what lint imports."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from slimconda.reporters.rules import render_table
from slimconda.rulebook import load_rules

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


def command(*words: str, cwd: Path = TOP, **env: str) -> str:
    run = subprocess.run(words, cwd=cwd, capture_output=True, check=False, text=True, env=os.environ | env)
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


def test_imports_go_one_way() -> None:
    command(sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()")


def test_lint_imports_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"FROM a\nRUN conda install -y b && conda clean -ay\n")
    code = (
        "import sys\nfrom slimconda.cli import app\n"
        "try: app(['lint'])\nexcept SystemExit as end: assert end.code == 0\n"
        "print(*sys.modules)"
    )
    loaded = command(sys.executable, "-c", code, cwd=tmp_path).split()
    assert [name for name in HEAVY if name in loaded] == []


def test_a_dockerfile_without_conda_needs_no_shell_parser(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes(b"FROM a\nRUN apt-get update && apt-get install -y b\n")
    code = "import sys\nfrom slimconda.cli import app\ntry: app(['lint'])\nexcept SystemExit: pass\nprint(*sys.modules)"
    assert "tree_sitter" not in command(sys.executable, "-c", code, cwd=tmp_path).split()


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
