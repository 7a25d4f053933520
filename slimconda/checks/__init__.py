"""Owns the list of checks: one module per rule, of the same name as its card. A check never names itself.

What rules say of images is in image_checks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slimconda.checks import (
    anaconda_distribution,
    build_tools_left,
    conda_base_not_needed,
    conda_base_updated,
    conda_builder_missed,
    conda_cache_left,
    conda_cache_mount_emptied,
    conda_cache_mount_missed,
    conda_cache_not_mounted,
    conda_channels_misordered,
    conda_channels_mixed,
    conda_clean_before_install,
    conda_clean_breaks_environment,
    conda_clean_in_later_layer,
    conda_clean_incomplete,
    conda_clean_misses,
    conda_clean_skipped,
    conda_clean_without_target,
    conda_download_in_own_layer,
    conda_environments_split,
    conda_failure_ignored,
    conda_files_not_needed,
    conda_installer_left,
    conda_installs_split,
    conda_itself_shipped,
    conda_option_before_command,
    conda_package_by_pip,
    conda_packages_kept,
    conda_prefix_rewritten,
    conda_removed_in_later_layer,
    conda_spec_read_as_redirect,
    conda_trim_frees_nothing,
    conda_unknown_flag,
    conda_unpinned,
    conda_without_yes,
    cuda_twice,
    environment_file_broken,
    environment_name_refused,
    mamba_clean_asks_forever,
    mamba_pkgs_dirs_ignored,
    mkl_not_needed,
    package_given_twice,
    pip_cache_left,
    python_twice,
    rattler_cache_left,
    syntax_error,
    unused_ignore,
    uv_cache_left,
)
from slimconda.findings import Problem

if TYPE_CHECKING:
    from slimconda.dockerfile.analysis import Analysis
    from slimconda.dockerfile.pragmas import Pragma
    from slimconda.environments.file import EnvironmentFile
    from slimconda.source import Span


@dataclass(frozen=True)
class Check:
    """How a rule looks at its inputs; None for one that it does not look at."""

    dockerfile: "Callable[[Analysis], Iterator[Problem]] | None" = None
    pragmas: "Callable[[list[Pragma], list[tuple[str, Span]], frozenset[str]], Iterator[Problem]] | None" = None
    environment: "Callable[[EnvironmentFile], Iterator[Problem]] | None" = None


CHECKS = {
    "conda-cache-left": Check(conda_cache_left.check_dockerfile),
    "conda-clean-in-later-layer": Check(conda_clean_in_later_layer.check_dockerfile),
    "conda-clean-incomplete": Check(conda_clean_incomplete.check_dockerfile),
    "conda-clean-before-install": Check(conda_clean_before_install.check_dockerfile),
    "conda-clean-skipped": Check(conda_clean_skipped.check_dockerfile),
    "conda-clean-misses": Check(conda_clean_misses.check_dockerfile),
    "conda-packages-kept": Check(conda_packages_kept.check_dockerfile),
    "conda-trim-frees-nothing": Check(conda_trim_frees_nothing.check_dockerfile),
    "conda-failure-ignored": Check(conda_failure_ignored.check_dockerfile),
    "conda-installer-left": Check(conda_installer_left.check_dockerfile),
    "conda-installs-split": Check(conda_installs_split.check_dockerfile),
    "conda-unknown-flag": Check(conda_unknown_flag.check_dockerfile),
    "conda-clean-without-target": Check(conda_clean_without_target.check_dockerfile),
    "conda-option-before-command": Check(conda_option_before_command.check_dockerfile),
    "mamba-clean-asks-forever": Check(mamba_clean_asks_forever.check_dockerfile),
    "conda-clean-breaks-environment": Check(conda_clean_breaks_environment.check_dockerfile),
    "mamba-pkgs-dirs-ignored": Check(mamba_pkgs_dirs_ignored.check_dockerfile),
    "conda-spec-read-as-redirect": Check(conda_spec_read_as_redirect.check_dockerfile),
    "conda-without-yes": Check(conda_without_yes.check_dockerfile),
    "environment-file-broken": Check(environment=environment_file_broken.check_environment),
    "environment-name-refused": Check(environment_name_refused.check_dockerfile),
    "package-given-twice": Check(environment=package_given_twice.check_environment),
    "conda-package-by-pip": Check(environment=conda_package_by_pip.check_environment),
    "conda-channels-mixed": Check(environment=conda_channels_mixed.check_environment),
    "conda-channels-misordered": Check(environment=conda_channels_misordered.check_environment),
    "python-twice": Check(python_twice.check_dockerfile, environment=python_twice.check_environment),
    "pip-cache-left": Check(pip_cache_left.check_dockerfile),
    "uv-cache-left": Check(uv_cache_left.check_dockerfile),
    "rattler-cache-left": Check(rattler_cache_left.check_dockerfile),
    "anaconda-distribution": Check(
        anaconda_distribution.check_dockerfile, environment=anaconda_distribution.check_environment
    ),
    "build-tools-left": Check(build_tools_left.check_dockerfile),
    "conda-files-not-needed": Check(conda_files_not_needed.check_dockerfile),
    "conda-itself-shipped": Check(conda_itself_shipped.check_dockerfile),
    "conda-unpinned": Check(conda_unpinned.check_dockerfile, environment=conda_unpinned.check_environment),
    "cuda-twice": Check(cuda_twice.check_dockerfile, environment=cuda_twice.check_environment),
    "mkl-not-needed": Check(mkl_not_needed.check_dockerfile, environment=mkl_not_needed.check_environment),
    "conda-prefix-rewritten": Check(conda_prefix_rewritten.check_dockerfile),
    "conda-environments-split": Check(conda_environments_split.check_dockerfile),
    "conda-download-in-own-layer": Check(conda_download_in_own_layer.check_dockerfile),
    "conda-base-updated": Check(conda_base_updated.check_dockerfile),
    "conda-removed-in-later-layer": Check(conda_removed_in_later_layer.check_dockerfile),
    "conda-cache-mount-missed": Check(conda_cache_mount_missed.check_dockerfile),
    "conda-cache-mount-emptied": Check(conda_cache_mount_emptied.check_dockerfile),
    "conda-cache-not-mounted": Check(conda_cache_not_mounted.check_dockerfile),
    "conda-builder-missed": Check(conda_builder_missed.check_dockerfile),
    "conda-base-not-needed": Check(conda_base_not_needed.check_dockerfile),
    "syntax-error": Check(syntax_error.check_dockerfile),
    "unused-ignore": Check(pragmas=unused_ignore.check_pragmas),
}
