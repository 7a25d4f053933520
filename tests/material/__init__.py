"""Real material for the tests: a conda channel, a conda, a conda-shaped tool on py-rattler, their images.

Nothing here comes from a conda server: packages are made of PyPI wheels and of Debian's Python, the base
image is Debian, so that all of it can be had on a machine that reaches PyPI and Debian alone.
"""
