"""Runs a tool as a process of its own, within limits, and accounts for what it used."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT_SECONDS = 300
MEMORY_LIMIT_BYTES = 14 << 30  # of address space, so that a peer that runs away can not take the machine with it
LAUNCHER = Path(__file__).with_name("launch.py")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(LAUNCHER.parent.parent)}  # peers find `harness` and `peers`


@dataclass
class Run:
    """What a finished process left: its exit code, output, wall and processor seconds, and peak of memory."""

    code: int
    output: str
    error: str
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    timed_out: bool

    @property
    def problem(self):
        """One line saying what went wrong, or None."""
        if self.timed_out:
            return f"stopped at the time limit of {TIME_LIMIT_SECONDS} s"
        if self.code == 0:
            return None
        if self.code < 0:
            return f"ended by signal {signal.Signals(-self.code).name}"
        lines = [line.strip() for line in (self.error or self.output).splitlines() if line.strip()]
        return (lines[-1] if lines else f"exit code {self.code}, no message")[:400]


def run(command, limit_memory=True):
    """Runs `command` to its end, in an empty folder, since some tools leave files where they run.

    Wall time is from the start of the process to its end, Python's start-up included.
    """
    with tempfile.TemporaryDirectory() as place:
        report = Path(place) / "report.json"
        limits = [TIME_LIMIT_SECONDS, MEMORY_LIMIT_BYTES if limit_memory else 0]
        launcher = [sys.executable, "-S", LAUNCHER, report, *limits, *command]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            subprocess.run([str(part) for part in launcher], cwd=place, env=ENVIRONMENT, stdout=out, stderr=err)
            output, error = _text(out), _text(err)
        if not report.is_file():
            raise SystemExit(f"bench: {command[0]} can not be started: {error.strip()[-400:]}")
        told = json.loads(report.read_text())
    return Run(
        told["code"], output, error, told["seconds"], told["cpuSeconds"], told["peakBytes"], told["timedOut"],
    )  # fmt: skip


def _text(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")
