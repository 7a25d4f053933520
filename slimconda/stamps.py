"""Owns what a rule adds to its check's problems to make findings of them: its name, severity and safety."""

from dataclasses import replace

from slimconda.findings import Finding, Problem, Safety
from slimconda.rulebook import Rule


def stamped(rule: Rule, problem: Problem, path: str) -> Finding:
    """Return the finding of a rule in the file or image of that name."""
    fix = problem.fix
    if fix is not None and rule.safety is Safety.UNSAFE:
        fix = replace(fix, safety=Safety.UNSAFE)
    return Finding(
        rule.name,
        rule.severity,
        problem.message,
        path,
        problem.place,
        fix,
        problem.stage,
        unfixable=None if fix else problem.unfixable,
    )
