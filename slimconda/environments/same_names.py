"""Owns which names mean the same software in conda-forge and in PyPI; `graphviz`, for one, does not.

By the mapping of prefix-dev/parselmouth (files/v0/conda-forge/compressed_mapping.json of 2026-08-19), which reads
conda-forge's packages: each holds the PyPI project of this name.
"""

from slimconda.environments.requirements import requirement_of

SAME_ON_BOTH = frozenset(
    """
    accelerate aiohttp arviz attrs beautifulsoup4 biopython black bokeh boto3 botocore cartopy catboost certifi cffi
    charset-normalizer click cloudpickle cryptography cupy cython dask datasets decorator distributed fastapi fiona
    flake8 flask fsspec gdal gensim geopandas grpcio h5netcdf h5py httpx hyperopt idna ipykernel ipython jinja2
    joblib jsonschema jupyter jupyterlab keras lightgbm llvmlite lxml markupsafe matplotlib mlflow mypy nbconvert
    netcdf4 networkx nltk notebook numba numexpr numpy onnx openpyxl optuna packaging pandas pillow plotly polars
    protobuf psutil psycopg2 pyarrow pycparser pydantic pygments pymongo pyparsing pyproj pytest python-dateutil
    pytz pyvista pyyaml rasterio rdkit requests ruff scikit-image scikit-learn scipy seaborn setuptools shapely six
    spacy sqlalchemy starlette statsmodels streamlit sympy tensorflow tokenizers toolz torchaudio torchvision
    tornado tqdm traitlets transformers urllib3 uvicorn wheel xarray xgboost zarr
    """.split()
)
# PyPI's name of what conda-forge calls otherwise.
OTHER_NAMES = {"tables": "pytables", "torch": "pytorch"}


def name_for_pip(text: str) -> str:
    """Return PyPI's name of what a requirement asks for on every platform, normalized; else an empty one."""
    found = requirement_of(text)
    return found.name if found and not found.marker else ""


def name_for_conda(text: str) -> str:
    """Return conda-forge's name of what a requirement asks for, an empty one where it is not known to be the same."""
    name = name_for_pip(text)
    return OTHER_NAMES.get(name) or (name if name in SAME_ON_BOTH else "")
