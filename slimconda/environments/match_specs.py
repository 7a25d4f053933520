"""Owns what conda refuses as a match specification; what is not certain is not called a flaw.

Source: conda's own MatchSpec and VersionSpec (26.7), which were run on random specs; a test compares with py-rattler.
"""

import re

SPEC = re.compile(r"(?P<name>[^=<>!~\s]*)(?P<rest>.*)", re.DOTALL)
OPERATOR = re.compile(r"!=|<=|>=|~=|[<>]")
TOO_MANY = re.compile(r"={1,3}[^=\s<>!~,|]+=[^=\s]+=\S*")
# Globs, single colons, brackets, groups, comments and addresses of archives have grammars of their own.
OTHER_GRAMMAR = re.compile(r"[\[\]()^$#*]|(?<!:):(?!:)|::.*::|\.(?:conda|tar\.bz2)\Z|[^\x20-\x7e]")
OPTION = re.compile(r"-[a-zA-Z]\b|--\w")
VCS_ADDRESS = re.compile(r"(?:git|hg|svn|bzr)\+\w+://")
DIRECT = re.compile(r"[\w.-]+(?:\[[\w, -]*\])?\s*@\s*\w+(?:\+\w+)?://")
LONGEST = 500
NOT_IN_NAME = ";@{}/\\'\"%&,"


def flaw_of(text: str) -> str | None:
    """Return why conda surely refuses a word among the dependencies, None where it takes it or is not known to."""
    word = text.strip()
    if not word or word.endswith("@") or len(word) > LONGEST:
        return None  # conda reads the first as any package, the second as a feature
    if OPTION.match(word) and ":" not in word:
        return _of_pip(text, "an option of pip")
    if VCS_ADDRESS.match(word) or DIRECT.match(word):
        return _of_pip(text, "an address for pip")
    if OTHER_GRAMMAR.search(word):
        return None
    match = SPEC.fullmatch(word.rpartition("::")[2].strip())
    if match is None or not match["name"]:
        return f"no package is named in `{text}`"
    bad = next((character for character in NOT_IN_NAME if character in match["name"]), None)
    if bad is not None and "/" not in match["name"]:
        return f"a package's name has no {bad}: `{text}`"
    return _flaw_of_version(match["rest"], text)


def _of_pip(text: str, what: str) -> str:
    return f"`{text}` is {what}, which conda refuses: it belongs under `- pip:`"


def _flaw_of_version(rest: str, text: str) -> str | None:
    """Return what is wrong behind a name: versions joined by `,` and `|`."""
    if TOO_MANY.fullmatch(rest):
        return f"one `=` too many in `{text}`"
    version = re.sub(r"\s*([,|<>=!~])\s*", r"\1", rest.strip())
    parts = re.split(r"[,|]", version)
    for part in parts:
        operator = OPERATOR.match(part)
        if len(parts) > 1 and (not part or (operator and operator.end() == len(part))):
            return f"a version is missing in `{text}`"
        if operator and re.match(r"[<>=!~]", part[operator.end() :]):
            return f"`{text}` has no operator that conda knows"
    return None
