"""Finds packages that an environment file asks both conda and pip for.

Only names are compared that mean the same software in conda-forge, defaults and PyPI; `graphviz`, for one, does not.
"""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.environments.environment import Entry, EnvironmentFile

CONDA_NAME = re.compile(r"(?:[^\s:]+::)?([A-Za-z0-9_.-]+)")
PIP_NAME = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(?:[=<>!~;].*)?")
# By the metadata of conda-forge's recipes, whose source is the sdist of the same name.
SAME_ON_BOTH = frozenset(
    """
    aiohttp attrs beautifulsoup4 black bokeh boto3 botocore certifi cffi charset-normalizer click
    cloudpickle cryptography cython dask decorator fastapi flake8 flask fsspec h5py httpx idna ipykernel
    ipython jinja2 joblib jsonschema jupyterlab keras lightgbm llvmlite lxml markupsafe matplotlib mypy
    networkx nltk notebook numba numexpr numpy openpyxl packaging pandas pillow plotly polars psutil
    pyarrow pycparser pydantic pygments pyparsing pytest python-dateutil pytz pyyaml requests ruff
    scikit-image scikit-learn scipy seaborn setuptools six spacy sqlalchemy starlette statsmodels sympy
    tensorflow toolz tornado tqdm traitlets transformers urllib3 uvicorn wheel xarray xgboost zarr
    """.split()
)


def check_environment(file: "EnvironmentFile") -> Iterator[Problem]:
    """Yield each requirement of the pip part that conda is asked for, too."""
    if file.pip is None or file.mistakes:
        return
    conda = {name: entry for entry in file.dependencies if (name := _name(CONDA_NAME.match(entry.text))) is not None}
    for requirement in file.pip.requirements:
        name = _name(PIP_NAME.fullmatch(requirement.text))
        if name in conda and name in SAME_ON_BOTH:
            yield Problem(_message(name, conda[name]), requirement.span)


def _name(match: re.Match[str] | None) -> str | None:
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else None


def _message(name: str, entry: "Entry") -> str:
    return f"conda is asked for {name}, too ({entry.text}): one of the two copies is for nothing"
