"""`fix --pin-from`: versions out of locks, explicit lists, exported files and installed environments."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as some
from typer.testing import CliRunner

from slimconda.cli import main, make_app
from slimconda.config import Config
from slimconda.environments.file import Pins
from slimconda.errors import InputError
from slimconda.pins import read_pins
from slimconda.rewriter import rewrite_environment
from slimconda.source import Source

CONDA_LOCK = """\
version: 1
metadata: {platforms: [linux-64, osx-64]}
package:
- {name: numpy, version: 2.2.6, manager: conda, platform: linux-64}
- {name: numpy, version: 2.2.5, manager: conda, platform: osx-64}
- {name: Flask, version: 3.1.0, manager: pip, platform: linux-64}
"""
PIXI_LOCK = """\
version: 6
environments:
  default:
    channels: [{url: https://conda.anaconda.org/conda-forge/}]
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.2.6-py311_0.conda
      - pypi: https://files.example.com/flask-3.1.0-py3-none-any.whl
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/numpy-2.2.6-py311_0.conda
  md5: aa
- pypi: https://files.example.com/flask-3.1.0-py3-none-any.whl
  name: flask
  version: 3.1.0
"""
EXPLICIT = """\
# platform: linux-64
@EXPLICIT
https://conda.anaconda.org/conda-forge/linux-64/numpy-2.2.6-py311_0.conda#0123
file:///pkgs/scikit-learn-1.6.1-py311_0.tar.bz2
"""
EXPORTED = "name: x\ndependencies:\n- numpy=2.2.6=py311_0\n- pip:\n  - flask==3.1.0\n  - b>=1\n"
ASKED = "# ours\r\ndependencies:\r\n  - python=3.11\r\n  - numpy  # any\r\n  - pip:\r\n    - 'Flask'\r\n"
PINNED = ASKED.replace("numpy ", "numpy=2.2.6 ").replace("'Flask'", "'Flask==3.1.0'")


def fix(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(make_app(), ["fix", *words])
    return result.exit_code, result.stderr


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("conda-lock.yml", CONDA_LOCK),
        ("pixi.lock", PIXI_LOCK),
        ("environment.yml", EXPORTED),
    ],
)
def test_a_file_pins(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    asked = tmp_path / "env.yml"
    asked.write_bytes(ASKED.encode())
    assert fix("--pin-from", str(tmp_path / name), str(asked))[0] == 0
    assert asked.read_bytes().decode() == PINNED
    assert fix("--pin-from", str(tmp_path / name), "--check", str(asked))[0] == 0


def test_an_explicit_list_pins_condas_packages(tmp_path: Path) -> None:
    (tmp_path / "spec.txt").write_text(EXPLICIT)
    pins = read_pins(tmp_path / "spec.txt")
    assert (dict(pins.conda), dict(pins.pip)) == ({"numpy": "2.2.6", "scikit-learn": "1.6.1"}, {})


def test_an_installed_environment_pins(tmp_path: Path) -> None:
    (tmp_path / "conda-meta").mkdir()
    for name in ("numpy-2.2.6-py311_0.json", "scikit-learn-1.6.1-py311_0.json", "history"):
        (tmp_path / "conda-meta" / name).touch()
    (tmp_path / "lib/python3.11/site-packages/Flask-3.1.0.dist-info").mkdir(parents=True)
    pins = read_pins(tmp_path)
    assert (dict(pins.conda), dict(pins.pip)) == ({"numpy": "2.2.6", "scikit-learn": "1.6.1"}, {"flask": "3.1.0"})


def test_a_real_environment_pins(conda_channel: Path, tmp_path: Path) -> None:
    import asyncio

    from rattler import Channel, install, solve

    async def make() -> None:
        records = await solve([Channel(conda_channel.as_uri())], ["requests"], platforms=["linux-64", "noarch"])
        await install(records, target_prefix=tmp_path / "env", cache_dir=tmp_path / "pkgs")

    asyncio.run(make())
    asked = tmp_path / "environment.yml"
    asked.write_text("dependencies: [requests, python, other]\n")
    assert fix("--pin-from", str(tmp_path / "env"), str(asked))[0] == 0
    assert asked.read_text() == "dependencies: [requests=2.32.3, python=3.11.2, other]\n"


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("spec.txt", "numpy\n", "no versions in it"),
        ("conda-lock.yml", "version: [\n", "invalid YAML"),
        ("conda-lock.yml", "- a\n", "not a lock"),
        ("pixi.lock", "version: 6\n", "not a lock"),
        ("environment.yml", "dependencies: [numpy]\n", "no versions in it"),
    ],
)
def test_what_has_no_versions_is_said(name: str, text: str, why: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(InputError, match=why) as error:
        read_pins(tmp_path / name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_conda_or_nothing_at_all(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["slimconda", "fix", "--pin-from", str(tmp_path / name), str(tmp_path)])
    with pytest.raises(SystemExit) as end:
        main()
    assert (end.value.code, capsys.readouterr().err.count("\n")) == (2, 1)


def test_lint_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "environment.yml").write_text("dependencies: [numpy]\n")
    shown = CliRunner().invoke(make_app(), ["lint", str(tmp_path / "environment.yml")])
    assert "no fix: versions come from a lock or an environment: slimconda fix --pin-from FILE|PREFIX" in shown.stdout


SPECS = some.sampled_from(
    ["numpy", "numpy>=1", "scipy >=1.2", "conda-forge::six", "a=1", "b[version='>1']", "blas=*=open", "c<2"]
)
QUOTES = some.sampled_from(["{}", "'{}'", '"{}"'])
BEHIND = some.sampled_from(["", "  # numpy", "  "])
WRITTEN = {
    "numpy": "numpy=9.9",
    "numpy>=1": "numpy=9.9",
    "scipy >=1.2": "scipy=9.9",
    "conda-forge::six": "conda-forge::six=9.9",
}


@given(
    some.lists(some.tuples(SPECS, QUOTES, BEHIND), min_size=1, max_size=6),
    some.booleans(),
    some.sampled_from(["\n", "\r\n"]),
)
def test_only_the_pins_are_new_to_pyyaml(rows: list[tuple[str, str, str]], flow: bool, end: str) -> None:
    words = [("'{}'" if "'" not in spec and flow else '"{}"' if flow else quotes) for spec, quotes, _ in rows]
    words = ['"{}"' if "'" in spec else word for word, (spec, _, _) in zip(words, rows, strict=True)]
    shown = [word.format(spec) for word, (spec, _, _) in zip(words, rows, strict=True)]
    block = "".join(f"  - {text}{behind}{end}" for text, (_, _, behind) in zip(shown, rows, strict=True))
    text = (
        f"# numpy{end}dependencies:"
        + (f" [{', '.join(shown)}]{end}" if flow else f"{end}{block}")
        + f"name: numpy{end}"
    )
    source = Source("environment.yml", text.encode())
    pins = Pins({"numpy": "9.9", "scipy": "9.9", "six": "9.9"}, {})
    done = rewrite_environment(source, Config(select=frozenset({"conda-unpinned"})), pins)
    expected = [WRITTEN.get(spec, spec) for spec, _, _ in rows]
    assert yaml.safe_load(done.data) == {"dependencies": expected, "name": "numpy"}
    assert done.data.count(b"#") == text.encode().count(b"#")
    assert done.data.count(b"\r\n") == text.encode().count(b"\r\n")
