"""Whole processes timed, and outputs of repeated runs compared."""

import hashlib
import tempfile
from pathlib import Path

from . import candidates, cards
from .catalog import WITH_FLOORS

MODEL = "resnet20-cifar10"
ROUNDS = 3
PITH = "pith"


def _tools():
    """The peers to beat. ONNX Runtime's runs as documented, and without its preparation, which this model can do without."""
    ort = ("percentile", "u8")
    return [
        candidates.Peer("ort percentile", "peers.ort", ort),
        candidates.Peer("ort percentile, not prepared", "peers.ort", (*ort, "--raw")),
        candidates.Peer("nncf fast", "peers.nncf_ptq", ("fast",)),
        candidates.Peer("nncf full", "peers.nncf_ptq", ("full",)),
    ]


def whole_processes(entries, profile):
    """The best of three interleaved runs of each tool on the timing model, or on the first model where that is absent."""
    entry = next((e for e in entries if e.name == MODEL), entries[0])
    runs = {PITH: [], **{tool.name: [] for tool in _tools()}}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "out.onnx"
            runs[PITH].append(candidates.run_pith(entry, out, "int8", profile)[0])
            for tool in _tools():
                runs[tool.name].append(candidates.run_peer(tool, entry, out, keep=False))
    return _summary(entry, runs)


def _summary(entry, runs):
    finished = {name: [r for r in records if not r["problem"]] for name, records in runs.items()}
    pith = finished.pop(PITH)
    if not pith:
        return None
    best = lambda records, key: min(record[key] for record in records)
    tools = {
        name: {"bestSeconds": best(records, "seconds"), "bestCPUSeconds": best(records, "cpuSeconds")}
        for name, records in finished.items()
        if records
    }
    return {
        "model": entry.name,
        "calibrationRows": cards.load(entry.card, "calibrate").count,
        "rounds": ROUNDS,
        "pithSeconds": best(pith, "secondsWithoutScoring"),
        "pithSecondsWithScoring": best(pith, "seconds"),
        "pithFirstSeconds": pith[0]["secondsWithoutScoring"],
        "pithCPUSeconds": best(pith, "cpuSeconds"),
        "pithPeakBytes": max(record["peakBytes"] for record in pith),
        "tools": tools,
        "runs": runs,
    }


def same_bytes(entries, profile):
    """How many different outputs come of runs with one and two threads, for each model with floors."""
    found = {}
    for entry in entries:
        if entry.name not in WITH_FLOORS:
            continue
        with tempfile.TemporaryDirectory() as folder:
            out, sums = Path(folder) / "out.onnx", []
            for threads in (1, 2, 2) if entry.name == MODEL else (1, 2):
                record, _ = candidates.run_pith(entry, out, "int8", profile, threads)
                sums.append(record["problem"] or hashlib.sha256(out.read_bytes()).hexdigest())
            found[entry.name] = {"runs": len(sums), "outputs": len(set(sums)), "sha256": sorted(set(sums))}
    return found
