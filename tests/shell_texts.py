"""Owns generated RUN instructions: installs, cleans and other commands in every construct that a shell has."""

from dataclasses import dataclass

from hypothesis import strategies as st

INSTALLS = st.sampled_from(
    ["conda install -y a", "conda install -y b", "mamba create -y -n e c", "micromamba install -y d", "sudo -E conda install e",
     "X=1 conda install f", "$CONDA install -y g", "\"$P\"/bin/conda install -y h", "conda env create -f e.yml",
     "python -m conda install i", "env X=1 nice conda update --all", "bash Miniconda3-x.sh -b -p $P"]
)  # fmt: skip
CLEANS = st.sampled_from(
    ["conda clean -afy", "conda clean --all --yes", "conda clean -t -y", "mamba clean -ay", "conda clean -y -i"]
)
OTHERS = st.sampled_from(
    ["check", "check 2", "pip install j", "apt-get update", "echo done", "true", "false", "export A=1", "cd .", "rm -f x", "fix-permissions /c"]
)  # fmt: skip
ENDS = st.sampled_from(
    ["exit 0", "exit 4", "echo $?", "rc=$?; check 3; exit $rc", "[ $? = 0 ]", "exec check", "set +e", "set -e", "wait"]
)
REDIRECTS = st.sampled_from(["", "", "", " > /dev/null", " 2>&1", " > log 2>&1", " >> log", " < /dev/null"])
PIPES = st.sampled_from(["{}"] * 6 + [": | {}", "yes | {}", "{} | cat", "{} 2>&1 | tee log", "{} | grep -c e", "! {}"])
BREAKS = ["{}", "{}", "{} \\\n    ", "{} \\\n  # note\n\n    "]


@dataclass(frozen=True)
class Style:
    """How lists are written: on lines that Docker joins, or on those of a heredoc."""

    literal: bool

    def operators(self) -> st.SearchStrategy[str]:
        """Return what may stand between two links of a chain."""
        if self.literal:
            return st.sampled_from([" && ", " && ", " || ", " &&\n  ", " \\\n  && "])
        return st.sampled_from([" && ", " && ", " && ", " || ", " \\\n && ", " && \\\n    ", " \\\n# note\n  && "])

    def separators(self) -> st.SearchStrategy[str]:
        """Return what may stand between two items of a list."""
        if self.literal:
            return st.sampled_from(["; ", "\n", "\n", "\n  # note\n", " # why\n"])
        return st.sampled_from(["; ", "; ", "; \\\n    ", " ; ", " ;\\\n"])


def quoted(text: str, *, double: bool) -> str:
    """Return a text as one word of a shell."""
    if not double and "'" not in text:
        return f"'{text}'"
    for character in ("\\", '"', "`") if "\\\n" not in text else ('"', "`"):
        text = text.replace(character, "\\" + character)
    return f'"{text}"'


@st.composite
def commands(draw: st.DrawFn) -> str:
    """Draw a simple command or a pipeline."""
    kind = draw(st.integers(0, 9))
    source = INSTALLS if kind < 5 else CLEANS if kind == 5 else OTHERS if kind < 9 else ENDS
    text = draw(source)
    return text if kind == 9 else draw(PIPES).format(text + draw(REDIRECTS))


COMPOUNDS = [
    "(BODY)",
    "{ BODYEND}",
    "if FIRST; then BODYENDfi",
    "if FIRST; then BODYENDfi",
    "if check; then BODYENDelse OTHERENDfi",
    "if check; then BODYENDelif check 2; then OTHERENDfi",
    "for i in 1 2; do BODYENDdone",
    "for i in $NOTHING; do BODYENDdone",
    "while read line; do BODYENDdone < two",
    "until check; do BODYENDdone",
    "case $X in a) BODY ;; *) OTHER ;; esac",
    "CALL() { BODYEND}; CALL",
    "{ BODYEND} | cat",
    "echo $(FIRST)",
]
SHELLS = st.sampled_from(["bash -c", "sh -c", "bash -ec", "sudo bash -xc", "bash -o pipefail -c", "eval"])


@st.composite
def statements(draw: st.DrawFn, style: Style, depth: int) -> str:
    """Draw a simple or compound command."""
    if depth == 0 or draw(st.integers(0, 2)):
        return draw(commands())
    inside = lists(style, depth - 1)
    if draw(st.integers(0, 4)) == 0:
        return f"{draw(SHELLS)} {quoted(draw(inside), double=draw(st.booleans()))}"
    text = draw(st.sampled_from(COMPOUNDS)).replace("END", "\n" if style.literal and draw(st.booleans()) else "; ")
    text = text.replace("CALL", f"f{depth}")  # One that calls itself would not end.
    for name, source in (("BODY", inside), ("OTHER", inside), ("FIRST", commands())):
        text = text.replace(name, draw(source)) if name in text else text
    return text


@st.composite
def lists(draw: st.DrawFn, style: Style, depth: int) -> str:
    """Draw a list of chains."""
    text = draw(st.sampled_from([""] * 8 + ["set -e; ", "set +e; ", "set -o pipefail; "]))
    for number in range(draw(st.integers(1, 2 if depth == 0 else 3))):
        separator = style.separators() if draw(st.integers(0, 2)) == 0 else style.operators()
        text += (draw(separator) if number else "") + draw(statements(style, depth))
    return text


OPTIONS = ['["/bin/bash", "-euo", "pipefail", "-c"]', '["/bin/bash", "-o", "pipefail", "-c"]', '["sh", "-ec"]']


@st.composite
def instructions(draw: st.DrawFn) -> str:
    """Draw a SHELL, perhaps, and a RUN."""
    form = draw(st.sampled_from(["shell"] * 6 + ["heredoc"] * 2 + ["exec", "input"]))
    text = draw(st.sampled_from(["", "", "set -e; ", "set -eux; ", "set -ex && ", "set -euo pipefail; "])) + draw(
        lists(Style(form == "heredoc"), 2)
    )
    shell = draw(st.sampled_from([""] * 4 + [f"SHELL {words}\n" for words in OPTIONS]))
    match form:
        case "heredoc":
            return f"{shell}RUN <<E\n{text}\nE"
        case "exec":
            escaped = text.replace("\\\n", "\0").replace("\\", "\\\\").replace('"', '\\"').replace("\0", "\\\n")
            options = draw(st.sampled_from(['"-c"', '"-ec"', '"-o", "pipefail", "-c"']))
            return f'RUN ["bash", {options}, "{escaped}"]'
        case "input":
            return (
                f"{shell}RUN {draw(INSTALLS)} <<E{draw(st.sampled_from(['', ' && check', '; check', ' > log']))}\nx\nE"
            )
    end = draw(st.sampled_from(["", "", "", ";", " # why", "; check", "; echo $?", " || true", " || exit 4"]))
    return f"{shell}RUN {text}{end}"
