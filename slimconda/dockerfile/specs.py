"""Owns package specs: the name, channel, version and build that a word such as `defaults::numpy=1.26=py*` asks for.

Source: conda's documentation of its match specification, and its parser (26.7 run).
"""

import re
from dataclasses import dataclass

from slimconda.dockerfile.conda import CondaCommand
from slimconda.dockerfile.stages import Context, expand

NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
FIELD = re.compile(r"(\w+)\s*=\s*(?:'([^']*)'|\"([^\"]*)\"|([^,\]]*))")
FILE = re.compile(r"\.(?:conda|tar\.bz2|ya?ml|txt)(?:#.*)?\Z", re.IGNORECASE)
LONGEST = 2000
OPERATOR = re.compile(r"[<>!~]=?|={2,3}")


@dataclass(frozen=True)
class PackageSpec:
    """A package as it is asked for; `version` and `build` as they are written, None where there is none."""

    name: str
    channel: str | None = None
    version: str | None = None
    build: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Tell whether it asks for a version or a build; `*` asks for none."""
        return any(part not in {None, "", "*"} for part in (self.version, self.build))

    def __str__(self) -> str:
        """Return the name and the version, as people write them."""
        equals = "=" if self.version and not OPERATOR.match(self.version) else ""
        return f"{self.name}{equals}{self.version or ''}"


def specs_of(call: CondaCommand, context: Context) -> frozenset[PackageSpec]:
    """Return the packages that a call names as its operands, as far as variables are known."""
    texts = (expand(word.text, context.variables) for word in call.read_arguments.operands)
    return frozenset(spec for text in texts if "$" not in text and (spec := parse_spec(text)))


def parse_spec(text: str) -> PackageSpec | None:
    """Return the spec that a word is, None where it is none or its name is not certain: a variable, a path, a URL."""
    channel, separator, rest = text.strip().rpartition("::")
    match = NAME.match(rest) if len(text) <= LONGEST else None
    if match is None or (not separator and "://" in rest) or "/" in _before_version(rest) or FILE.search(rest):
        return None
    after = rest[match.end() :]
    version, build = _bracketed(after) if after.startswith("[") else _plain(after)
    if version is None and after and not after.startswith("["):
        return None
    return PackageSpec(match[0].lower(), channel or None, version, build)


def _before_version(text: str) -> str:
    return re.split(r"[=<>!~\[\s]", text, maxsplit=1)[0]


def _bracketed(text: str) -> tuple[str | None, str | None]:
    """Read `[version=">=1.2", build=py*]`."""
    fields = {match[1]: match[2] or match[3] or match[4] or "" for match in FIELD.finditer(text)}
    return fields.get("version"), fields.get("build")


def _plain(text: str) -> tuple[str | None, str | None]:
    """Read what follows a name: `=1.2=build`, `==1.2`, `>=1.2,<2`, ` 1.2 build`; (None, None) for anything else."""
    spaced, text = text[:1].isspace(), text.strip()
    if OPERATOR.match(text):
        exact = re.fullmatch(r"={2,3}\s*([^=\s]+)=(\S+)", text)
        built = re.fullmatch(r"([<>!~]=?\s*[^=<>!~,|\s]+)(?:=|\s+)([^=<>!~,|\s]+)", text)
        return (f"=={exact[1]}", exact[2]) if exact else (built[1], built[2]) if built else (text, None)
    if text.startswith("="):
        version, _, build = text[1:].strip().partition("=")
        return version.strip(), build.strip() or None
    parts = text.split()
    if spaced and re.match(r"[\d*.$]", text) and len(parts) <= 2:
        return parts[0], parts[1] if len(parts) == 2 else None
    return None, None
