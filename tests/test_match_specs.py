"""Match specifications beside py-rattler: what is called a flaw, and what is read out of those that have none."""

import pytest
from hypothesis import given
from hypothesis import strategies as some
from rattler import MatchSpec

from slimconda.dockerfile.specs import parse_spec
from slimconda.environments.match_specs import flaw_of

NAMES = some.sampled_from(
    ["numpy", "scikit-learn", "_x", "a.b", "Foo", "a;b", "pkg@1", "", "conda-forge::x", "-e .", "é"]
)
OPERATORS = some.sampled_from(
    ["", "=", "==", "===", ">=", "<=", "<", ">", "!=", "~=", "=>", "=<", "<>", "<=>", " ", " >= ", " = ", "@"]
)
VERSIONS = some.sampled_from(
    "1|1.2|1.2.*|*|1a|1.2.post1||1.2+cu1|1!2|>=1|py39_0|1.2,|>=1,<2|>=1, <2|1.2=py*|1.2=py*=z|1.2 py*|,|1,,2".split("|")
)
ENDS = some.sampled_from(["", "", ",<3", " b", "|2", "=py1", ";x", "[build=a]", " # c"])
# What one of them refuses and the other takes, by running both: conda 26.7 and py-rattler 0.28.
CONDA_ALONE_TAKES = ["numpy>", "uvicorn[standard]", "numpy=>1.2"]
RATTLER_ALONE_TAKES = ["-r requirements.txt"]


def is_read(text: str) -> bool:
    try:
        MatchSpec(text)
    except Exception:  # rattler has an exception of its own for each part of a specification
        return False
    return True


@given(NAMES, OPERATORS, VERSIONS, ENDS)
def test_what_is_called_a_flaw_is_refused(name: str, operator: str, version: str, end: str) -> None:
    text = f"{name}{operator}{version}{end}"
    assert flaw_of(text) is None or not is_read(text)


@given(some.text(alphabet="ab1.*=<>!~,| []:@;-_", max_size=12))
def test_no_text_is_too_odd(text: str) -> None:
    flaw = flaw_of(text)
    assert flaw is None or (text in flaw and "\n" not in flaw)


@pytest.mark.parametrize("text", CONDA_ALONE_TAKES)
def test_what_conda_takes_is_no_flaw_although_rattler_refuses_it(text: str) -> None:
    assert not is_read(text)
    assert flaw_of(text) is None


@pytest.mark.parametrize("text", RATTLER_ALONE_TAKES)
def test_what_conda_refuses_is_a_flaw_although_rattler_takes_it(text: str) -> None:
    assert is_read(text)
    assert flaw_of(text) is not None


@given(
    some.sampled_from(["", "conda-forge::", "defaults::"]),
    some.from_regex(r"[a-z][a-z0-9_]{0,6}(?:-[a-z0-9]{1,4})?", fullmatch=True),
    some.sampled_from(
        [
            "",
            "=1.2",
            "==1.2",
            ">=1.2",
            " >=1.2,<3",
            ">=1.2,<3|4",
            "=1.2=py3_0",
            ">=1.2=py3*",
            " >=1.2 py3*",
            " 1.2.* py3_0",
        ]
    ),
)
def test_a_good_spec_is_read_as_rattler_reads_it(channel: str, name: str, version: str) -> None:
    text = f"{channel}{name}{version}"
    spec, other = parse_spec(text), MatchSpec(text)
    assert spec is not None
    assert flaw_of(text) is None
    assert other.name is not None
    assert spec.name == other.name.normalized
    assert (spec.version is not None) == (other.version is not None)
    assert spec.build == other.build
    assert spec.channel == (channel.removesuffix("::") or None)
