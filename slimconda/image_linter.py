"""Owns the way from an image to a report: runs checks, stamps rule and severity, tells what lies in the base."""

from dataclasses import replace

from slimconda.config import Config
from slimconda.findings import Finding, LayerPart, Report, Severity
from slimconda.image_checks import IMAGE_CHECKS
from slimconda.layers.image import Image
from slimconda.rulebook import load_rules
from slimconda.stamps import stamped

IN_BASE = "it lies in the base image, where no clean reaches it: only another base, or flattening, frees it"


def lint_image(image: Image, config: Config) -> Report:
    """Return the report of an image's layers."""
    findings: list[Finding] = []
    for name, check in IMAGE_CHECKS.items():
        rule = load_rules()[name]
        if config.wants(name, default=rule.default):
            findings += [_in_base(stamped(rule, problem, image.name), image) for problem in check(rule, image)]
    return Report(tuple(findings))


def _in_base(finding: Finding, image: Image) -> Finding:
    """Return the finding as information where it lies in the base image, which no Dockerfile here makes."""
    part = finding.place
    if not isinstance(part, LayerPart) or not image.layers[part.layer].base:
        return finding
    return replace(finding, severity=Severity.INFO, message=f"{finding.message}; {IN_BASE}")
