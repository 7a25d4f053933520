"""Owns generated Dockerfiles: every trait that Docker's reading of lines knows, mixed at random."""

from hypothesis import strategies as st

from slimconda.config import Config
from slimconda.findings import Severity
from slimconda.rulebook import load_rules

WITHOUT_ADVICE = Config(ignore=frozenset(rule.name for rule in load_rules().values() if rule.severity is Severity.INFO))

BLANKS = st.sampled_from(["", "", "", " ", "\t", "  \t"])
SEPARATORS = st.sampled_from([" ", " ", " ", "\t", "  ", "\v", " \f"])
COMMENTS = st.sampled_from(["# note", "  # indented", "#", "# ends in \\", "#!shebang", "\t# escape=`", "# é"])
EMPTY = st.sampled_from(["", "", "   ", "\t", "\v"])
KEYWORDS = st.sampled_from(
    ["RUN", "run", "Run", "RUN", "COPY", "ENV", "LABEL", "CMD", "WORKDIR", "ONBUILD RUN", "onbuild copy"]
)
WORDS = st.sampled_from(
    ["conda", "install", "-y", "a=1", "&&", "||", ";", "'q r'", '"d q"', "$X", "${X:-d e}", "é", "#x", "x\\\\", "\\ ", "|",
     "--flag", "[", "]", "$((1<<2))", "cat<<E", "<<<w", '"<<E"', "$(x)", "`", "``", "\\#", "{", "$"]
)  # fmt: skip
NAMES = st.sampled_from(["E", "EOF", "E_B", "'E'", '"E"', "-E", "-'E'", "E|tee"])
BODY_LINES = st.sampled_from(
    [
        "echo hi",
        "\techo tab",
        "",
        "# no comment",
        "RUN x",
        "x \\",
        "E ",
        " E",
        "\tE2",
        "&& y",
        "EO",
        "FROM z",
        "é",
        "'",
    ]
)
FLAGS = st.sampled_from(
    ["", "", "", "--mount=type=cache,target=/p ", "--network=none --security=x ", "--a='b c' ", "-- "]
)
EXEC = st.sampled_from(
    ['["conda","install"]', '["a", "b\\n\\u00e9"]', "['x']", '["x"', "[]", '[ "sh" ,"-c", "x <<E" ]']
)


@st.composite
def continued(draw: st.DrawFn, escape: str) -> str:
    """Draw an instruction's text over several lines, with comments and blank lines between them."""
    words = draw(st.lists(WORDS, min_size=1, max_size=6))
    lines = [draw(BLANKS) + draw(KEYWORDS) + draw(SEPARATORS) + draw(FLAGS) + words[0]]
    for word in words[1:]:
        if draw(st.booleans()):
            lines[-1] += " " + word
            continue
        lines[-1] += draw(st.sampled_from([" ", "", "  "])) + escape + draw(BLANKS)
        lines += draw(st.lists(st.one_of(COMMENTS, EMPTY), max_size=2))
        lines.append(draw(BLANKS) + word)
    return "\n".join(lines)


@st.composite
def with_heredocs(draw: st.DrawFn, escape: str) -> str:
    """Draw an instruction with one or two heredocs that end."""
    names = draw(st.lists(NAMES, min_size=1, max_size=2))
    keyword = draw(st.sampled_from(["RUN", "COPY", "run", "ADD", "RUN  cat"]))
    opening = f"{keyword} {draw(FLAGS)}" + " ".join(draw(st.sampled_from(["", "0", "3"])) + f"<<{n}" for n in names)
    opening += draw(st.sampled_from(["", " /d", " && x", f" {escape}\n > f"]))
    lines = [opening]
    for name in names:
        plain = name.removeprefix("-").strip("'\"")
        body = [line for line in draw(st.lists(BODY_LINES, max_size=3)) if line.strip() != plain]
        lines += [*body, ("\t" if name.startswith("-") and draw(st.booleans()) else "") + plain]
    return "\n".join(lines)


@st.composite
def directives(draw: st.DrawFn) -> tuple[list[str], str]:
    """Draw the first lines of a file, and the escape character that they set."""
    lines, escape = [], "\\"
    if draw(st.integers(0, 3)) == 0:
        lines.append(
            draw(st.sampled_from(["# syntax=docker/dockerfile:1", "#SYNTAX = docker/dockerfile:1.7", " # syntax=a"]))
        )
    if draw(st.integers(0, 7)) == 0:
        lines.append("# check=skip=all")
    if draw(st.integers(0, 3)) == 0:
        escape = draw(st.sampled_from(["\\", "`"]))
        lines.append(draw(st.sampled_from(["# escape={}", "#Escape = {} ", "  #  escape={}"])).format(escape))
    return lines, escape


@st.composite
def dockerfiles(draw: st.DrawFn) -> bytes:
    """Draw a Dockerfile that BuildKit's parser takes, or almost."""
    lines, escape = draw(directives())
    piece = st.one_of(
        continued(escape), continued(escape), with_heredocs(escape), COMMENTS, EMPTY,
        st.builds("RUN {}".format, EXEC), st.just(f"RU{escape}\nN x"), st.just(f" {escape}\nRUN y"),
        st.just("FROM b AS c"), st.just(f"RUN x {escape}{escape}"),
    )  # fmt: skip
    lines += ["FROM a", *draw(st.lists(piece, max_size=7))]
    if draw(st.integers(0, 4)) == 0:
        lines.append(f"RUN last {escape}" + draw(BLANKS))
    text = "\n".join(lines) + draw(st.sampled_from(["\n", "\n", "", "\n\n", f"\nRUN z {escape}\n# c"]))
    data = text.encode()
    if draw(st.integers(0, 3)) == 0:
        data = data.replace(b"\n", b"\r\n")
    if draw(st.integers(0, 5)) == 0:
        data = b"\xef\xbb\xbf" + data
    return data
