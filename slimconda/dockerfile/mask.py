"""Owns the mask: a file of as many lines, spelt so that dockerfile-parse reads it as Docker reads the original.

dockerfile-parse alone splits heredocs into instructions, ends an instruction at a blank line, loses a last line
that ends in the escape character, and refuses bytes that are not UTF-8. The mask has none of these.
"""

from io import BytesIO

from slimconda.dockerfile.scanner import LogicalLine, Role, Scan
from slimconda.dockerfile.words import split_keyword
from slimconda.errors import InputError
from slimconda.source import Source

# dockerfile-parse decodes UTF-8, takes more characters for blanks than Docker does, and ends lines at any backslash.
PLAIN = bytes(byte if (0x20 <= byte < 0x7F and byte != 0x5C) or byte == 0x09 else 0x3F for byte in range(256))


def mask(source: Source, scan: Scan) -> bytes:
    """Return the masked file."""
    lines = [b"#"] * len(scan.lines)
    for directive in scan.directives:
        lines[source.line_of(directive.span.start) - 1] = b"# syntax=%b" % directive.name.encode()
    for logical in scan.logical:
        _mask_instruction(lines, source, scan, logical)
    return b"".join(line + b"\n" for line in lines)


def _mask_instruction(lines: list[bytes], source: Source, scan: Scan, logical: LogicalLine) -> None:
    keyword, _ = split_keyword(logical.text.data)
    numbers = [n for n in range(logical.first, logical.last_text + 1) if scan.lines[n].role is Role.TEXT]
    for number in numbers:
        text = source.read(scan.lines[number].span).rstrip(b"\r\n").rstrip(b" \t").removesuffix(scan.escape)
        lines[number] = (text or b"-").translate(PLAIN) + b" \\"
    lines[logical.first] = keyword.translate(PLAIN) + b" " + lines[logical.first]
    lines[numbers[-1]] = lines[numbers[-1]].removesuffix(b"\\")


def verify(source: Source, scan: Scan) -> None:
    """Compare the scanner's instructions with dockerfile-parse's; raises InputError where they differ."""
    from dockerfile_parse import DockerfileParser

    parser = DockerfileParser(fileobj=BytesIO(mask(source, scan)), env_replace=False)
    read = [
        (entry["instruction"].encode(), entry["startline"], entry["endline"])
        for entry in parser.structure
        if entry["instruction"] != "COMMENT"
    ]
    scanned = [
        (split_keyword(logical.text.data)[0].translate(PLAIN), logical.first, logical.last_text)
        for logical in scan.logical
    ]
    for ours, theirs in zip(scanned, read, strict=False):
        if ours != theirs:
            raise InputError(f"{source.path}:{ours[1] + 1}: this instruction can be read in two ways")
    if len(scanned) != len(read):
        raise InputError(f"{source.path}: {len(scanned)} instructions, or {len(read)} read another way")
