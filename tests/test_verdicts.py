"""What a RUN keeps, shape by shape: I and J install, K cleans. Each verdict was found by running the shape in shells."""

import pytest

from slimconda.config import Config
from slimconda.dockerfile.analysis import Analysis
from slimconda.dockerfile.parser import parse
from slimconda.findings import Severity
from slimconda.rewriter import rewrite
from slimconda.source import Source
from tests.dockerfiles import WITHOUT_ADVICE

WORDS = {"I": "conda install -y a", "J": "conda install -y b", "K": "conda clean -afy"}
CLEAN = "conda clean --all --yes"
LEFT, CLEANED, UNKNOWN, INCOMPLETE = "left", "cleaned", "unknown", "incomplete"


def spelt(text: str) -> str:
    for letter, words in WORDS.items():
        text = text.replace(f"«{letter}»", words)
    return text.replace("«C»", CLEAN)


def dockerfile(text: str) -> Source:
    text = spelt(text)
    instruction = text if text.startswith(("RUN", "SHELL", " \\", "ONBUILD")) else f"RUN {text}"
    return Source("Dockerfile", f"FROM a\n{instruction}\n".encode())


def verdicts(text: str) -> list[str]:
    analysis = Analysis(parse(dockerfile(text)), Config())
    return [install.verdict.value for layer in analysis.layers for install in layer.installs]


SHAPES = [
    ("«I»", [LEFT]),
    ("«I» && «K»", [CLEANED]),
    ("«K» && «I»", [LEFT]),
    ("«I» && «K» && «J»", [CLEANED, LEFT]),
    ("«I»; «K»", [CLEANED]),
    ("«I» || «K»", [LEFT]),
    ("«I» && «K» || true", [CLEANED]),
    ("«I» || pip install a", [LEFT]),
    ("«I»;", [LEFT]),
    ("«I» # why", [LEFT]),
    ("«I» #\\\n b && «K»", [LEFT]),
    ("«I» \\\n# note \\\n\n && «K»", [CLEANED]),
    (" \\\nRUN «I»", [LEFT]),
    ("«I» \\ \n b", [LEFT]),
    ("set -eux; «I»; rm -f x", [LEFT]),
    ("«I»; echo ok", [LEFT]),
    ('if [ -n "$G" ]; then «I»; fi', [LEFT]),
    ('if [ -n "$G" ]; then «I»; else «J» && «K»; fi', [LEFT, CLEANED]),
    ('«I» && if [ -n "$G" ]; then «K»; fi', [UNKNOWN]),
    ('if [ -n "$G" ]; then «I» && exit 0; fi; «J» && «K»', [LEFT, CLEANED]),
    ("for p in a b; do conda install -y $p; done", [LEFT]),
    ("for p in a b; do conda install -y $p; done && «K»", [CLEANED]),
    ('while read p; do conda install -y "$p"; done < f', [LEFT]),
    ("(«I» || true) && «K»", [CLEANED]),
    ("(export PATH=/c/bin:$PATH; «I»)", [LEFT]),
    ('f() { conda install -y "$@"; }; f a; «K»', [CLEANED]),
    ('trap "«K»" EXIT; «I»', [UNKNOWN]),
    ("case $A in x) «I»;; *) «J»;; esac && «K»", [CLEANED, CLEANED]),
    ("«I» & «K»", [UNKNOWN]),
    ("echo go & «I» && «K»", [CLEANED]),
    ("exec «I» && «K»", [LEFT]),
    ("«I» | tee l && «K»", [CLEANED]),
    ("yes | «I»", [LEFT]),
    ("«I» > l 2>&1", [LEFT]),
    ("conda install -y a>=1.2", [LEFT]),
    ("sudo -E «I»", [LEFT]),
    ("gosu u «I»", [LEFT]),
    ('su u -c "«I»"', [LEFT]),
    ('bash -lc "«I» && «K»"', [CLEANED]),
    ('bash -lc "«I»" && «K»', [CLEANED]),
    ("bash -c conda install -y a", []),
    ("PATH=/c/bin:$PATH «I»", [LEFT]),
    ("CONDA_PKGS_DIRS=/p «I» && «K»", [LEFT]),
    ("export CONDA_PKGS_DIRS=/p && «I» && «K»", [CLEANED]),
    ("/c/bin/conda install -y a", [LEFT]),
    ("${CONDA_DIR}/bin/mamba install -y a", [LEFT]),
    ("$CONDA_TOOL install -y a", []),
    ("python -m conda install -y a", [LEFT]),
    ("conda --debug install -y a", [LEFT]),
    ("env X=1 «I»", [LEFT]),
    ("time «I»", [LEFT]),
    ("nice -n 5 timeout 9 «I»", [LEFT]),
    ('eval "«I»"', [LEFT]),
    ("conda run -n b «I»", [LEFT]),
    ("conda run -n b pip install a", []),
    ("conda env create -f e.yml", [LEFT]),
    ("conda env update -n base -f e.yml && «K»", [CLEANED]),
    ("conda create -y -n e python && conda update -y --all", [LEFT, LEFT]),
    ('echo "«I»" > s', []),
    ("bash s.sh", []),
    ("«I» && clean-layer.sh", [UNKNOWN]),
    ("«I» && bash /tmp/tidy.sh", [UNKNOWN]),
    ("bash Miniconda3-x.sh -b -p /c && rm Miniconda3-x.sh", [LEFT]),
    ("wget -q u/Mambaforge-$(uname -m).sh -O m.sh && bash m.sh -bp /c && rm m.sh", [LEFT]),
    (". /c/etc/profile.d/conda.sh; conda activate e && «I»", [LEFT]),
    ('["conda","install","-y","a"]', [LEFT]),
    ('["/bin/bash","-c","«I» && «K»"]', [CLEANED]),
    ("<<E\n«I»\nE", [LEFT]),
    ("<<E\nset -e\n«I»\necho ok\nE", [LEFT]),
    ("<<E\n«I»\n«K»\nE", [CLEANED]),
    ("bash <<'E'\n«I»\nE", [LEFT]),
    ("cat <<E > s\n«I»\nE", []),
    ("python3 <<E\n«I»\nE", []),
    ("<<E\n#!/usr/bin/env python3\n«I»\nE", []),
    ("<<E\ncat > pin <<P\nconda install -y x\nP\n«I»\n«K»\nE", [CLEANED]),
    ('echo "<< on" && «I» && echo "<< off" && «K»', [CLEANED]),
    ("--mount=type=cache,target=/opt/conda/pkgs «I»", [CLEANED]),
    ("--mount=type=tmpfs,dst=/opt/conda/pkgs «I»", [CLEANED]),
    ("--mount=type=cache,target=/root/.cache/pip «I»", [LEFT]),
    ("«I» && conda clean -t", [INCOMPLETE]),
    ("«I» && conda clean -tp -y", [INCOMPLETE]),
    ("«I» && conda clean -a --dry-run", [INCOMPLETE]),
    ("«I» && conda clean -tiy", [CLEANED]),
    ("«I» && conda clean -tipsy", [CLEANED]),
    ("«I» && conda clean --tarb --index -y", [CLEANED]),
    ("«I» && conda clean -all -y", [CLEANED]),
    ("«I» && rm -rf /c/pkgs/cache", [LEFT]),
    ("«I» && rm /c/pkgs/*.tar.bz2", [LEFT]),
    ("«I» && rm -rf /c/pkgs", [CLEANED]),
    ('«I» && rm -rf /tmp/x "$D"/pkgs/*', [CLEANED]),
    ("«I» && find /opt/conda -name '*.a' -delete", [LEFT]),
    ("«I» && find /opt/conda -name '*.tar.bz2' -delete", [LEFT]),
    ("micromamba install -y a && mamba clean -ay", [CLEANED]),
    ("«I» && «K» && conda install -y --download-only b && conda clean -iy", [CLEANED]),
    ("«I» && fix-permissions /c", [LEFT]),
    ("set -e; false || «I»; «K»", [CLEANED]),
    ("«I» && exit 1; «K»", [CLEANED]),
    ("{ «I»; «K»; } > log 2>&1", [CLEANED]),
    ("! «I» || «K»", [CLEANED]),
    ("until «I»; do sleep 1; done; «K»", [CLEANED]),
    ("SHELL [\"conda\",\"run\",\"-n\",\"e\",\"/bin/bash\",\"-c\"]\nRUN «I» && «K»", [CLEANED]),
    ("SHELL [\"powershell\",\"-Command\"]\nRUN «I»", []),
    ("ONBUILD RUN «I»", [LEFT]),
    ("f() { «I»; return 0; }; f; «K»", [CLEANED]),
    ('echo bash -c "«I»"', []),
    ('useradd -s /bin/bash -c "conda update user" u', []),
    ('conda install -y zsh -c "conda-forge"', [LEFT]),
    ("bash /tmp/miniconda_setup.sh", []),
    ("conda install -d a", []),
    ("--mount=type=cache,target=/opt/conda «I»", [CLEANED]),
    ("«I»; rc=$?; exit $rc", [LEFT]),
    ("for i in 1 2; do «I» && break; «K»; done", [LEFT]),
    ("cat <<X >f ; «I»\nx\nX", [LEFT]),
    ("cat <<X >f && : | «I»\nx\nX", [LEFT]),
    ("cat <<X >f && cat <<Y >g && «I» && «K»\n«J»\nX\n«K»\nY", [CLEANED]),
    ('bash -o pipefail -c "«I»"', [LEFT]),
    ("«I» && ./cleanup.sh && «K»", [CLEANED]),
    ("f0() { «I»; }; f1() { f0; f0; f0; f0; f0; f0; f0; f0; f0; f0; f0; f0; }; f2() { f1; f1; f1; f1; f1; f1; f1; f1; f1; f1; f1; f1; }; f3() { f2; f2; f2; f2; f2; f2; f2; f2; f2; f2; f2; f2; }; f3", [LEFT]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), SHAPES, ids=[shape[0][:60] for shape in SHAPES])
def test_verdict(text: str, expected: list[str]) -> None:
    assert verdicts(text) == expected


FIXES = [
    ("«I»", "«I» && «C»"),
    ("«K» && «I»", "«I» && «C»"),
    ("«I» && «K» && «J»", "«I» && «J» && «C»"),
    ("«I»;", "«I» && «C»;"),
    ("«I» # why", "«I» && «C» # why"),
    ("set -e; for i in 1 2; do «I» && echo $i; done", "set -e; for i in 1 2; do «I» && «C» && echo $i; done"),
    ("set -e; for i in 1 2; do «I»; echo $i; done", "set -e; for i in 1 2; do «I»; echo $i; done; «C»"),
    ("«I»; echo ok", "«I» && «C»; echo ok"),
    ("set -eux; «I»; rm -f x", "set -eux; «I»; «C»; rm -f x"),
    ("set -eux; rm -f x; «I»", "set -eux; rm -f x; «I» && «C»"),
    ("yes | «I»", "yes | «I» && «C»"),
    ("«I» > l 2>&1", "«I» > l 2>&1 && «C»"),
    ("sudo -E «I»", f"sudo -E «I» && sudo -E {CLEAN}"),
    ("gosu u «I» && echo", f"gosu u «I» && gosu u {CLEAN} && echo"),
    ("PATH=/c/bin:$PATH «I»", f"PATH=/c/bin:$PATH «I» && PATH=/c/bin:$PATH {CLEAN}"),
    ("CONDA_PKGS_DIRS=/p «I» && «K»", f"CONDA_PKGS_DIRS=/p «I» && CONDA_PKGS_DIRS=/p {CLEAN} && «K»"),
    ("time «I»", "time «I» && «C»"),
    ("/c/bin/conda install -y a", f"/c/bin/conda install -y a && /c/bin/{CLEAN}"),
    ('"${D}"/bin/mamba install -y a', '"${D}"/bin/mamba install -y a && "${D}"/bin/mamba clean --all --yes'),
    ("python -m conda install -y a", f"python -m conda install -y a && python -m {CLEAN}"),
    ("bash Miniconda3-x.sh -b -p /c", f"bash Miniconda3-x.sh -b -p /c && /c/bin/{CLEAN}"),
    ("conda install -y mamba && mamba install -y a", "conda install -y mamba && mamba install -y a && mamba clean --all --yes"),
    ("mamba create -y -n e --always-copy a", "mamba create -y -n e --always-copy a && mamba clean --all --yes --force-pkgs-dirs"),
    ("set -x && («J» > /dev/null) && «I»", "set -x && («J» > /dev/null) && «I» && «C»"),
    ("conda install -y --copy a", "conda install -y --copy a && «C»"),
    ("«I» && fix-permissions /c", "«I» && «C» && fix-permissions /c"),
    (". /c/etc/profile.d/conda.sh; conda activate e && «I»", ". /c/etc/profile.d/conda.sh; conda activate e && «I» && «C»"),
    ("<<E\n«I»\nE", "<<E\n«I» && «C»\nE"),
    ("<<E\nset -e\n  «I»\necho ok\nE", "<<E\nset -e\n  «I»\n  «C»\necho ok\nE"),
    ("<<E\n«I» &&\n  echo ok\nE", "<<E\n«I» &&\n  «C» &&\n  echo ok\nE"),
    ("apt-get update \\\n  && «I» \\\n  && echo", "apt-get update \\\n  && «I» \\\n  && «C» \\\n  && echo"),
    ("apt-get update && \\\n\t«I» && \\\n\techo", "apt-get update && \\\n\t«I» && \\\n\t«C» && \\\n\techo"),
    ("apt-get update \\\n && \\\n «I»", "apt-get update \\\n && \\\n «I» \\\n && \\\n «C»"),
    ("«I» \\\n    b \\\n    c", "«I» \\\n    b \\\n    c \\\n    && «C»"),
    ("«I» \\ \n b", "«I» \\ \n b \\\n && «C»"),
    ("set -e; set +e; «I»; rc=$?; set -e; [ $rc = 0 ]", "set -e; set +e; «I» && «C»; rc=$?; set -e; [ $rc = 0 ]"),
    ("(set -e; foo); «I»; if [ $? -ne 0 ]; then exit 1; fi", "(set -e; foo); «I» && «C»; if [ $? -ne 0 ]; then exit 1; fi"),
    ("set -e; «I»; cat <<X > f\nhi\nX", "set -e; «I»; «C»; cat <<X > f\nhi\nX"),
    ("<<E\nset -e\nconda env create -f /dev/stdin <<X\nname: x\nX\necho ok\nE", "<<E\nset -e\nconda env create -f /dev/stdin <<X; «C»\nname: x\nX\necho ok\nE"),
    ("apt-get update \\\n && conda env create -f /dev/stdin <<X\nname: x\nX", "apt-get update \\\n && conda env create -f /dev/stdin <<X && «C»\nname: x\nX"),
    ("cat <<X && «I» > log\nx\nX", "cat <<X && «I» > log && «C»\nx\nX"),
    ("«I» \\\n# note\n b # end", "«I» \\\n# note\n b \\\n && «C» # end"),
    ('if [ -n "$G" ]; then «I»; fi', 'if [ -n "$G" ]; then «I» && «C»; fi'),
    ("for p in a b; do conda install -y $p; done", "for p in a b; do conda install -y $p; done && «C»"),
    ("set -e; for p in a b; do conda install -y $p; done", "set -e; for p in a b; do conda install -y $p; done; «C»"),
    ("for p in a b; do if c; then conda install -y $p; fi; done", "for p in a b; do if c; then conda install -y $p && «C»; fi; done"),
    ("for p in a b; do conda install -y $p; done; echo", "for p in a b; do conda install -y $p && «C»; done; echo"),
    ('su u -c "«I»"', 'su u -c "«I» && «C»"'),
    ('bash -c "\\"$D/conda\\" install -y a"', 'bash -c "\\"$D/conda\\" install -y a && \\"$D/conda\\" clean --all --yes"'),
    ("set -e; yes | «I» | tee l; echo", "set -e; yes | «I» | tee l; «C»; echo"),
    ("bash /t/Miniconda3-x.sh -b", "bash /t/Miniconda3-x.sh -b && ~/miniconda3/bin/«C»"),
    ("conda install -y conda-build", "conda install -y conda-build && «C»"),
    ("bash -ec '«I»; echo'", "bash -ec '«I»; «C»; echo'"),
    ("set -e; true && «I»; echo ok", "set -e; true && { «I»; «C»; }; echo ok"),
    ("check || «I»; echo ok", "check || { «I» && «C»; }; echo ok"),
    ("«I» || exit 1", "«I» && «C» || exit 1"),
    ("«I» || (echo no; exit 1) && echo", "«I» && «C» || (echo no; exit 1) && echo"),
    ("«I» 2>&1 | tee l", "«I» 2>&1 | tee l && «C»"),
    ("x && «I» 2>&1 | tee l", "x && «I» 2>&1 | tee l && «C»"),
    ("x | y && «I» > l | z && w", "x | y && «I» > l | z && «C» && w"),
    ("cat <<X >f && «I» | tee log\nhello\nX", "cat <<X >f && «I» | tee log && «C»\nhello\nX"),
    ("cat <<X && «I» || true\nx\nX", "cat <<X && «I» && «C» || true\nx\nX"),
    ("mamba install -y a && conda remove -y mamba && «J»", "mamba install -y a && mamba clean --all --yes && conda remove -y mamba && «J» && «C»"),
    ("cd /t && ./bin/micromamba install -y a && cd / && «J»", "cd /t && ./bin/micromamba install -y a && ./bin/micromamba clean --all --yes && cd / && «J» && «C»"),
    ("set -e; «I»; [ $? = 0 ]", "set -e; «I»; «C»; [ $? = 0 ]"),
    ("set -ex; \\\n    «I»; \\\n    echo", "set -ex; \\\n    «I»; \\\n    «C»; \\\n    echo"),
    ("set -ex; «I»; \\\n    echo", "set -ex; «I»; \\\n    «C»; \\\n    echo"),
    ('["/bin/bash", "-c", "conda install -y \\"a\\""]', '["/bin/bash", "-c", "conda install -y \\"a\\" && «C»"]'),
    ("<<E\nset -e\nif x; then\n  «I»\nfi\nE", "<<E\nset -e\nif x; then\n  «I»\n  «C»\nfi\nE"),
    ("bash <<'E'\nset -e\n«I»\n«J»\nE", "bash <<'E'\nset -e\n«I»\n«J» && «C»\nE"),
]  # fmt: skip


# A shell takes no CRLF inside of a heredoc, so those are tried with line feeds alone.
SPELT = [(*fix, end) for fix in FIXES for end in ("\n", "\r\n") if "<<" not in fix[0] or end == "\n"]


@pytest.mark.parametrize(("text", "fixed", "line_end"), SPELT, ids=[f"{case[0][:60]}{case[2]!r}" for case in SPELT])
def test_fix(text: str, fixed: str, line_end: str) -> None:
    source = Source("Dockerfile", dockerfile(text).data.replace(b"\n", line_end.encode()))
    done = rewrite(source, Config())
    assert done.data.replace(line_end.encode(), b"\n") == dockerfile(fixed).data
    assert [finding for finding in done.report.open if finding.severity is not Severity.INFO] == []


UNFIXED = [
    "«I» || pip install --no-cache-dir a",
    "«I» #\\\n b && «K»",
    "exec «I» && «K»",
    "bash miniconda.sh -b",
    "HOME=/h bash Miniconda3-x.sh -b",
    "conda install -y conda-build && conda-build recipe",
    '["conda","install","-y","a"]',
    "«I» && conda build recipe",
    "«I» \\\n&& $(echo '",
    "! echo y | «I»; check",
    "echo pw | sudo -S «I»",
    "f() { «I»; }; f",
    "x=$(«I»)",
    "«I» & wait",
    "if «I»; then x; else y; fi; $C; set $D; «I» || check",
    "set -e; { echo; «I»; echo; } | tee l",
    "set $OPTIONS; «I» | tee l; echo ${PIPESTATUS[0]}",
    "bash -c \"conda install -y 'a'\"'b'",
]


@pytest.mark.parametrize("text", UNFIXED)
def test_no_fix_where_the_place_is_not_certain(text: str) -> None:
    source = dockerfile(text)
    assert rewrite(source, Config()).data == source.data


KEPT = [
    "FROM a\nRUN «I» && «K»\nRUN set -ex; test -f x && «K»; echo foo",
    "FROM a\nRUN «I» && «K»\nRUN «K» > log && cat log",
    "FROM a\nRUN «I» && «K»\nRUN conda remove -y b && «K»",
    "FROM a\nRUN «I» && «K»\nRUN conda search b && «K»",
    "FROM a\nENV V 3.2.0\nRUN curl -o m.sh http://r/Miniconda-$V-Linux-x86_64.sh && bash m.sh -b -p /c && rm m.sh",
    "FROM a\nENV MINICONDA_VERSION=3.2.0\nRUN «I»",
    "FROM a\nRUN wget r/Miniconda3-1.sh && bash Miniconda3-1.sh -b && /r/conda clean -ay\nRUN rm Miniconda3*.sh",
    "FROM a\nRUN wget r/Miniconda3-$V.sh && bash Miniconda3-$V.sh -b && /r/conda clean -ay\nRUN rm Miniconda3-${V}.sh",
    "FROM a\nRUN cd /tmp && wget r/Miniconda3-1.sh && bash Miniconda3-1.sh -b && /r/conda clean -ay\nRUN cd /tmp && rm *",
]  # fmt: skip


@pytest.mark.parametrize("text", KEPT)
def test_a_fix_that_could_break_the_build_is_not_made(text: str) -> None:
    source = Source("Dockerfile", spelt(text).encode())
    assert rewrite(source, Config()).data == source.data


def test_lines_continue_by_the_escape_character_before_a_heredoc() -> None:
    text = "# escape=`\nFROM a\nRUN apt-get update `\n && «I» `\n && cat <<X\nname: x\nX\n"
    fixed = text.replace("«I»", "«I» `\n && «C»")
    assert rewrite(Source("Dockerfile", spelt(text).encode()), Config()).data.decode() == spelt(fixed)


def test_a_conda_before_all_is_cleaned_by_the_flags_that_it_has() -> None:
    text = "FROM a\nRUN bash Miniconda2-4.0.5-Linux-x86_64.sh -b -p /c\nRUN «I»\n"
    done = rewrite(Source("Dockerfile", spelt(text).encode()), Config(select=frozenset({"conda-cache-left"})))
    assert done.data.count(b"conda clean --tarballs --index-cache --packages --yes\n") == 2
    assert done.report.open == ()


def test_the_line_end_of_a_file_is_kept_on_its_last_line() -> None:
    source = Source("Dockerfile", b"FROM a\r\nRUN conda install -y \\\r\n  b")
    assert rewrite(source, Config()).data == source.data + b" \\\r\n  && conda clean --all --yes"


def test_a_comment_between_flags_stays() -> None:
    source = Source("Dockerfile", b"FROM a\nRUN conda install -y b && conda clean -t \\\n # why\n -p -y\n")
    assert b"# why" in rewrite(source, Config()).data
    assert rewrite(source, WITHOUT_ADVICE).report.open == ()


LATER = [
    ("RUN «K»", ""),
    ("RUN conda clean -t -y && conda clean -i -y", ""),
    ("RUN echo && conda clean -t -y && conda clean -i -y", "RUN echo\n"),
    ("RUN conda clean -t -y && conda clean -i -y && echo", None),
    ("RUN echo; «K»", None),
    ("RUN set -e; echo; «K»", "RUN set -e; echo\n"),
    ("RUN set -e; echo && true; «K»", None),
    ("RUN «K»; echo", "RUN echo\n"),
    ("RUN «K» || true", ""),
    ("RUN «K» || check", None),
    ("RUN «K» > log", None),
    ("RUN «K» > /dev/null 2>&1 && echo", "RUN echo\n"),
    ("RUN bash -c 'echo && «K»'", "RUN bash -c 'echo'\n"),
    ("RUN bash -c '«K»'", None),
    ("RUN <<E\nset -e\necho\n  «K»\necho\nE", "RUN <<E\nset -e\necho\necho\nE\n"),
    ("RUN x && «K»; echo $?", None),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fixed"), LATER)
def test_a_clean_in_a_later_layer_moves_up(text: str, fixed: str | None) -> None:
    source = Source("Dockerfile", spelt(f"FROM continuumio/miniconda3\nRUN «I»\n{text}\nCMD x\n").encode())
    config = Config(select=frozenset({"conda-clean-in-later-layer"}))
    force = " --force-pkgs-dirs" if "«K»" in text else ""
    expected = f"FROM continuumio/miniconda3\nRUN «I» && «C»{force}\n{fixed}CMD x\n"
    assert rewrite(source, config).data == (spelt(expected).encode() if fixed is not None else source.data)


STAGES = [
    ("FROM a AS b\nRUN «I»\nFROM c\nCOPY --from=b /env /env", []),
    ("FROM a AS b\nRUN «I»\nFROM c\nCOPY --from=b /opt/conda /opt/conda", [2]),
    ("FROM a AS b\nRUN «I»\nFROM c\nCOPY --from=0 /opt/conda/envs/x /x", []),
    ("FROM a AS b\nRUN «I»\nRUN «K»\nFROM c\nCOPY --from=b /opt/conda /opt/conda", []),
    ("FROM a AS b\nRUN «I»\nFROM B\nRUN «K»", [2, 4]),
    ("FROM a AS b\nRUN «I»\nFROM b AS c\nFROM d", []),
    ("FROM a\nENV CONDA_PKGS_DIRS=/p\nRUN --mount=type=cache,target=/p «I»\nRUN «J» && rm -rf /p", []),
    ("FROM a\nRUN «I»\nRUN ./x.sh && «K»", [2]),
    ("FROM a\nSHELL [\"/bin/bash\",\"-ec\"]\nRUN «I»; echo ok", [3]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "lines"), STAGES)
def test_only_what_ships_is_reported(text: str, lines: list[int]) -> None:
    from slimconda.linter import lint
    from slimconda.source import Span

    source = Source("Dockerfile", spelt(text).encode())
    found = [finding.place for finding in lint(source, WITHOUT_ADVICE).findings]
    assert [source.line_of(place.start) for place in found if isinstance(place, Span)] == lines
