#!/bin/sh
# Measures Pith beside other tools.
#
#   sh Benchmarks/run.sh int8 [OPTIONS]     int8 quantization beside ONNX Runtime's tools and NNCF
#   sh Benchmarks/run.sh clean [OPTIONS]    graph clean-up beside onnxslim
#
# The first use makes a Python environment in Benchmarks/.venv; --help after the name lists the options.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
venv=$here/.venv
say() { printf 'bench: %s\n' "$*" >&2; }

usage() {
    say "usage: sh Benchmarks/run.sh int8|clean [OPTIONS]"
    exit 2
}

[ $# -ge 1 ] || usage
name=$1
shift
case $name in int8 | clean) ;; *) usage ;; esac

# The environment is made again when the list of packages changes.
if ! cmp -s "$here/requirements.txt" "$venv/installed.txt"; then
    command -v "${PYTHON:-python3}" >/dev/null 2>&1 || {
        say "Python 3.10 or later is needed: install python3 and python3-venv, or set PYTHON."
        exit 1
    }
    say "making the Python environment in $venv (once; about half a gigabyte)"
    rm -rf "$venv"
    "${PYTHON:-python3}" -m venv "$venv" || {
        say "Python can not make an environment: install python3-venv."
        exit 1
    }
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt" || {
        say "the packages of Benchmarks/requirements.txt can not be installed: is there a network?"
        rm -rf "$venv"
        exit 1
    }
    cp "$here/requirements.txt" "$venv/installed.txt"
fi

# NNCF otherwise reports its use to its makers.
NNCF_CI=1 PYTHONDONTWRITEBYTECODE=1 exec "$venv/bin/python" "$here/$name.py" "$@"
