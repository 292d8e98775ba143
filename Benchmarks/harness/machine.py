"""What a result was measured on and with."""

import datetime
import hashlib
import importlib.metadata
import os
import platform
import shlex
import subprocess
import sys
from pathlib import Path

PACKAGES = ("onnxruntime", "onnx", "nncf", "onnxslim", "numpy", "scipy")


def description():
    """The machine, without its name."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "vectorFeatures": _features(),
        "memoryBytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "loadAverageBefore": round(os.getloadavg()[0], 2),
    }


def versions(pith, packages=PACKAGES):
    """The versions of everything that takes part; `pith` is the binary."""
    told = subprocess.run([str(pith), "version"], capture_output=True, text=True).stdout.splitlines()
    found = {"pith": told[0] if told else "unknown", "pithSHA256": hashlib.sha256(Path(pith).read_bytes()).hexdigest()}
    found["pithRuntime"] = told[1].split(" (")[0] if len(told) > 1 else "none found"
    found["python"] = platform.python_version()
    return found | {name: importlib.metadata.version(name) for name in packages}


def header(pith, name, packages=PACKAGES):
    """The first entries of a result file; `packages` are the Python packages that take part."""
    return {
        "benchmark": name,
        "command": shlex.join(["sh", "Benchmarks/run.sh", name, *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": description(),
        "versions": versions(pith, packages),
    }


def jobs():
    """How many peers may run at once: one for each core, up to two, and 8 GiB for each (ONNX Runtime's calibration takes 7)."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        available = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable"))
    except (OSError, StopIteration):
        available = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return max(1, min(2, os.cpu_count() or 1, available >> 33))


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def overflows():
    """Whether integer kernels add products in pairs with 16 bits: x86 without VNNI."""
    features = _features()
    return "avx2" in features and not {"avx_vnni", "avx512_vnni"} & set(features)


def _features():
    """The instruction sets that integer kernels are written for."""
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return []
    flags = next((line.split(":", 1)[1].split() for line in text.splitlines() if line.startswith("flags")), [])
    return [name for name in ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8") if name in flags]
