#!/bin/sh
# Measures Pith beside other tools.
#
#   sh Benchmarks/run.sh int8 [OPTIONS]     int8 quantization beside ONNX Runtime's tools and NNCF
#   sh Benchmarks/run.sh clean [OPTIONS]    graph clean-up beside onnxslim
#   sh Benchmarks/run.sh quantization [OPTIONS]   8 to 2 bits beside ONNX Runtime's tools, NNCF and neural-compressor
#   sh Benchmarks/run.sh coding [OPTIONS]   containers beside zipnn, openzl, pcodec, zstandard and NNCodec
#
# The first use makes a Python environment in Benchmarks/.venv, and two more beside it for the peers of the quantization
# benchmark that can not share it, or one for the coding benchmark; --help after the name lists the options.

set -eu

here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'bench: %s\n' "$*" >&2; }

usage() {
    say "usage: sh Benchmarks/run.sh int8|clean|quantization|coding [OPTIONS]"
    exit 2
}

[ $# -ge 1 ] || usage
name=$1
shift
case $name in int8 | clean | quantization | coding) ;; *) usage ;; esac

# environment FOLDER REQUIREMENTS: makes a Python environment, and makes it again when its list of packages changes.
environment() {
    cmp -s "$2" "$1/installed.txt" && return 0
    command -v "${PYTHON:-python3}" >/dev/null 2>&1 || {
        say "Python 3.10 or later is needed: install python3 and python3-venv, or set PYTHON."
        return 1
    }
    say "making the Python environment in $1 (once; half a gigabyte and more)"
    rm -rf "$1"
    "${PYTHON:-python3}" -m venv "$1" || {
        say "Python can not make an environment: install python3-venv."
        return 1
    }
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check -r "$2" || {
        say "the packages of $2 can not be installed: is there a network?"
        rm -rf "$1"
        return 1
    }
    cp "$2" "$1/installed.txt"
}

own=.venv list=requirements.txt
if [ "$name" = coding ]; then
    # Two of its peers bring libraries that the others do without.
    own=.venv-coding list=requirements-coding.txt
fi
environment "$here/$own" "$here/$list" || exit 1
if [ "$name" = quantization ]; then
    for peer in inc torch; do
        environment "$here/.venv-$peer" "$here/requirements-$peer.txt" || say "going on without the peers that need it"
    done
fi

# NNCF otherwise reports its use to its makers.
NNCF_CI=1 PYTHONDONTWRITEBYTECODE=1 exec "$here/$own/bin/python" "$here/$name.py" "$@"
