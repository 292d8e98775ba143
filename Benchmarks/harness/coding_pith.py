"""Pith as the coding benchmark runs it: whole processes, and its own measurement of coding with warm buffers."""

import json
import os
import subprocess

from . import process
from .catalog import PROJECT

BINARY = os.environ.get("PITH") or str(PROJECT / ".build" / "release" / "pith")
JEMALLOC = ("/usr/lib/x86_64-linux-gnu/libjemalloc.so.2", "/usr/lib/aarch64-linux-gnu/libjemalloc.so.2")


def run(*arguments):
    """Runs Pith and answers what it prints; a failure ends the benchmark."""
    ran = subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True)
    if ran.returncode:
        raise SystemExit(f"bench: pith {' '.join(map(str, arguments))}: {ran.stderr.strip()[-400:]}")
    return ran.stdout


def told(*arguments):
    """The same as an object."""
    return json.loads(run(*arguments, "--format", "json"))


def timed(*arguments, before=()):
    """One whole process; `before` are words in front of it, such as `env LD_PRELOAD=...`."""
    ran = process.run([*before, BINARY, *arguments], limit_memory=False)
    if ran.problem:
        raise SystemExit(f"bench: pith {' '.join(map(str, arguments))}: {ran.problem}")
    return ran


def warm(path, rounds):
    """Bytes, and the best seconds of coding and decoding on one thread, without files, in buffers that are used again."""
    rows = [told("pack", path, "--compare", "--codec", "auto")["rows"][0] for _ in range(rounds)]
    return {
        "bytes": rows[0]["bytes"],
        "encodeMBps": max(row["encodeMegabytesPerSecond"] for row in rows),
        "decodeMBps": max(row["decodeMegabytesPerSecond"] for row in rows),
    }


def jemalloc():
    """The library, where it is installed."""
    return next((path for path in JEMALLOC if os.path.exists(path)), None)
