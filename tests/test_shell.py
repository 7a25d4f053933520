"""Shell words and their places: what a word's span covers in the file is the word."""

from hypothesis import given, settings
from hypothesis import strategies as st

from slimconda.dockerfile.parser import parse
from slimconda.dockerfile.scripts import script_of
from slimconda.dockerfile.shell import ShellCommand, Word, commands
from slimconda.source import Source
from tests.dockerfiles import COMMENTS, EMPTY

SHELL = ("/bin/sh", "-c")
PLAIN_WORDS = st.sampled_from(
    [
        "conda",
        "install",
        "-y",
        "numpy=1.2",
        '"numpy>=1.2"',
        "'a b'",
        '"$X"',
        "${A}/bin/conda",
        "é",
        "a\\ b",
        "-x#y",
        "--flag=v",
    ]
)
OPERATORS = st.sampled_from(["&&", "||", ";", "|", "&&"])


def shell_commands(data: bytes) -> list[ShellCommand]:
    dockerfile = parse(Source("Dockerfile", data))
    found = [script_of(i, SHELL, dockerfile.source) for i in dockerfile.instructions]
    return [command for run in found if run for command in commands(run.script.body)]


@st.composite
def runs(draw: st.DrawFn) -> tuple[bytes, list[str]]:
    """Draw a RUN over several lines, and its words."""
    escape = draw(st.sampled_from(["\\", "`"]))
    words: list[str] = []
    text = f"# escape={escape}\nFROM a\nRUN "
    for number, command in enumerate(
        draw(st.lists(st.lists(PLAIN_WORDS, min_size=1, max_size=5), min_size=1, max_size=4))
    ):
        if number:
            text += f" {draw(OPERATORS)} "
        for word in ["conda", *command]:
            if escape == "`" or "\\" not in word:
                words.append(word)
                text += word + draw(gaps(escape))
    return (text + "\n").encode().replace(b"\n", draw(st.sampled_from([b"\n", b"\r\n"]))), words


@st.composite
def gaps(draw: st.DrawFn, escape: str) -> str:
    """Draw what stands between two words: blanks, or a continued line with comments and blank lines."""
    if draw(st.booleans()):
        return draw(st.sampled_from([" ", "  ", "\t"]))
    between = "".join(f"{line}\n" for line in draw(st.lists(st.one_of(COMMENTS, EMPTY), max_size=2)))
    return f" {escape}\n{between}  "


def of_script(words: tuple[Word, ...], data: bytes) -> list[str]:
    return [Source("", data).text(word.span) for word in words]


@settings(max_examples=1000)
@given(runs())
def test_every_word_is_where_its_span_says(run: tuple[bytes, list[str]]) -> None:
    data, expected = run
    found = [word for command in shell_commands(data) for word in command.words]
    assert [word.raw for word in found] == of_script(tuple(found), data)
    assert [word.raw for word in found] == expected


def raw(data: bytes) -> list[list[str]]:
    source = Source("Dockerfile", data)
    return [[source.text(word.span) for word in command.words] for command in shell_commands(data)]


def test_words_of_nested_scripts_are_found_in_the_file() -> None:
    data = b'FROM a\nRUN bash -lc "conda install \\"a b\\" && conda \\\n  clean -a" && echo \'x\'\n'
    assert raw(data)[1:3] == [["conda", "install", '\\"a b\\"'], ["conda", "clean", "-a"]]


def test_words_of_exec_form_are_found_in_the_file() -> None:
    data = b'FROM a\nRUN ["bash", "-c", \\\n  "conda install \\"a\\" && echo \\u00e9x"]\n'
    assert raw(data)[1:] == [["conda", "install", '\\"a\\"'], ["echo", "\\u00e9x"]]


def test_words_of_heredocs_are_found_in_the_file() -> None:
    data = b"FROM a\nRUN <<-E\n\tconda install a\n\t\tconda clean -a\n\tE\nRUN cat > f && bash <<'B'\nconda create\nB\n"
    assert raw(data) == [["conda", "install", "a"], ["conda", "clean", "-a"], ["cat"], ["bash"], ["conda", "create"]]


def test_a_redirect_takes_one_word_and_no_more() -> None:
    assert raw(b"FROM a\nRUN conda install a>=1 b 2>&1 > log && x\n")[0] == ["conda", "install", "a", "b"]


def test_every_statement_ends_where_its_text_does() -> None:
    from slimconda.dockerfile.shell import Statement, children

    data = b"FROM a\nRUN a && (b > c) && { d | e 2>&1; } && if f; then g > h; fi && ! i > j; bash <<E && k\nx\nE\n"
    dockerfile = parse(Source("Dockerfile", data))
    run = script_of(dockerfile.instructions[1], SHELL, dockerfile.source)
    assert run is not None
    found: list[bytes] = []

    def collect(statement: Statement) -> None:
        found.append(run.script.text.data[statement.start : statement.end])
        if not (isinstance(statement, ShellCommand) and statement.inner):
            for child in children(statement):
                collect(child)

    collect(run.script.body)
    ends = [b"(b > c)", b"{ d | e 2>&1; }", b"if f; then g > h; fi", b"! i > j", b"bash <<E && k"]
    assert [text for text in ends if text not in found] == []
