"""Package specs and the words around them: what conda's tools read as a package, and what as an option's value."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from slimconda.dockerfile.conda import read_command
from slimconda.dockerfile.shell import commands
from slimconda.dockerfile.shell_reader import parse_script
from slimconda.dockerfile.specs import PackageSpec, parse_spec
from slimconda.dockerfile.text import join, piece

NAMES = some.from_regex(r"[a-z_][a-z0-9_]{0,8}(?:-[a-z0-9]{1,4})?", fullmatch=True)
CHANNELS = some.sampled_from(
    [None, "defaults", "conda-forge", "nvidia/label/cuda-12.1.0", "pkgs/main/linux-64", "https://c.org/x"]
)
NUMBERS = some.from_regex(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,2}(?:\.\*)?", fullmatch=True)
BUILDS = some.one_of(some.none(), some.from_regex(r"[a-z0-9*]{0,6}[a-z_][0-9a-z]{1,4}", fullmatch=True))


@given(NAMES, CHANNELS, NUMBERS, BUILDS)
def test_a_spec_is_read_back_from_its_parts(name: str, channel: str | None, number: str, build: str | None) -> None:
    prefix = f"{channel}::" if channel else ""
    tail = f"={build}" if build else ""
    spaced = f" {build}" if build else ""
    field = f",build={build}" if build else ""
    expected = PackageSpec(name, channel, number, build)
    assert parse_spec(f"{prefix}{name}={number}{tail}") == expected
    assert parse_spec(f"{prefix}{name} {number}{spaced}") == expected
    assert parse_spec(f"{prefix}{name}[version='{number}'{field}]") == expected
    assert parse_spec(f"{prefix}{name.upper()}=={number}{tail}") == PackageSpec(name, channel, f"=={number}", build)
    assert parse_spec(f"{prefix}{name}") == PackageSpec(name, channel)


@given(NAMES, some.sampled_from([">=", "<", ">", "<=", "!=", "~="]), NUMBERS)
def test_an_operator_belongs_to_the_version(name: str, operator: str, number: str) -> None:
    assert parse_spec(f"{name}{operator}{number}") == PackageSpec(name, None, f"{operator}{number}")
    assert parse_spec(f"{name} {operator}{number},<999") == PackageSpec(name, None, f"{operator}{number},<999")


@given(some.text(max_size=40))
def test_no_text_is_too_odd(text: str) -> None:
    spec = parse_spec(text)
    assert spec is None or spec.name in text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "$X",
        "numpy${X}",
        "{a,b}",
        "*mkl",
        "./a.conda",
        "/a/b",
        "https://x/numpy-1.conda",
        "e.yml",
        "a b c",
        "-",
        "",
        "cudatoolkit cudnn",
        "a:b",
    ],
)
def test_what_is_no_spec(text: str) -> None:
    assert parse_spec(text) is None


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("numpy", False),
        ("numpy=*", False),
        ("numpy=", False),
        ("defaults::numpy", False),
        ("numpy=1", True),
        ("numpy=$V", True),
        ("blas=*=openblas", True),
        ("numpy[build=py*]", True),
    ],
)
def test_what_pins(text: str, pinned: bool) -> None:
    spec = parse_spec(text)
    assert spec is not None
    assert spec.is_pinned is pinned


@pytest.mark.parametrize(
    ("text", "packages"),
    [
        ("conda install -c conda-forge numpy", ["numpy"]),
        ("conda install -cbioconda samtools", ["samtools"]),
        ("conda install -yc bioconda samtools", ["samtools"]),
        ("conda create -yqn env python=3.9 pip", ["python=3.9", "pip"]),
        ("conda create -ynenv python", ["python"]),
        ("conda install --channel-priority strict zlib numpy", ["zlib", "numpy"]),
        ("micromamba install --category main zlib abc", ["zlib", "abc"]),
        ("micromamba install --platform linux-64 zoo blas", ["zoo", "blas"]),
        ("conda install --file req.txt numpy", ["numpy"]),
        ("conda install --file=req.txt -f b.txt", []),
        ("conda install --chan conda-forge numpy", ["numpy"]),
        ("conda install --repodata-fn current_repodata.json numpy", ["numpy"]),
        ("conda install --solver classic --experimental jlap numpy", ["numpy"]),
        ("micromamba install --experimental numpy", ["numpy"]),
        ("conda install --force numpy", ["numpy"]),
        ("conda install --revision 3", []),
        ("conda create -n b --clone a", []),
        ("conda install --rev 3", []),
        ("conda install --no-deps --freeze-installed numpy --yes scipy", ["numpy", "scipy"]),
        ("conda install -y -- numpy", ["numpy"]),
        ("conda install defaults::numpy 'numpy>=1.2' numpy=1.2=py37_0 'blas=*=openblas'",
         ["defaults::numpy", "numpy>=1.2", "numpy=1.2=py37_0", "blas=*=openblas"]),
        ("conda update -n base --all", []),
        ("micromamba -r /r install -y -p /env -c a -c b x", ["x"]),
        ("conda env create -f e.yml numpy", []),
        ("conda remove numpy", []),
        ("conda install --shortcuts-only a b", ["b"]),
    ],
)  # fmt: skip
def test_values_are_no_packages(text: str, packages: list[str]) -> None:
    command = read_command(next(commands(parse_script(join([piece(text.encode(), 0)], 0)).body)), {})
    assert command is not None
    assert [word.text for word in command.packages] == packages


@pytest.mark.parametrize(
    ("text", "channels"),
    [
        ("conda install -c a --channel b --channel=c -cd -yc e x", ("a", "b", "c", "d", "e")),
        ("conda install --override-channels -c=f x", ("f",)),
        ("conda install --channel-priority strict x", ()),
    ],
)
def test_channels(text: str, channels: tuple[str, ...]) -> None:
    command = read_command(next(commands(parse_script(join([piece(text.encode(), 0)], 0)).body)), {})
    assert command is not None
    assert command.channels == channels


def test_a_target_of_a_clean_is_no_prefix() -> None:
    command = read_command(next(commands(parse_script(join([piece(b"conda clean -tp -y", 0)], 0)).body)), {})
    assert command is not None
    assert command.environment is None
