"""The Python environments that peers run in: the benchmark's own, and one for each peer that can not share it."""

import sys

from .catalog import BENCHMARKS

OWN = ""  # the environment that the benchmark itself runs in


def requirements(name):
    """The list of packages that makes an environment."""
    return BENCHMARKS / (f"requirements-{name}.txt" if name else "requirements.txt")


def python(name):
    """The interpreter of an environment; that of another than our own need not be there."""
    return BENCHMARKS / f".venv-{name}" / "bin" / "python" if name else sys.executable


def missing(name):
    """Why an environment can not be used, or None."""
    if not name or python(name).is_file():
        return None
    return f"its Python environment is not there: the packages of {requirements(name).name} could not be installed"
