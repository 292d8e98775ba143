"""The clean-up benchmark: `pith compress --recipe clean` beside onnxslim, on every ONNX model.

Counts the nodes that each leaves, holds the outputs against the original's on random and on card inputs, and times
all three side by side. Results/clean.json holds every figure, Results/clean.md the table.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from harness import candidates, catalog, clean_report, latency, machine, measure, process, probes

RESULTS = catalog.BENCHMARKS / "Results"


def counts(path):
    """Nodes in all, nested graphs included; those that compute; bytes."""
    found = measure.operators(path)
    return {"nodes": found.total(), "nodesWithoutConstants": found.total() - found["Constant"], "bytes": measure.byte_count(path)}


def produce(entry, folder, profile):
    """Runs both tools; records and output files by name."""
    files = {"pith": folder / "pith.onnx", "onnxslim": folder / "slim.onnx"}
    pith, told = candidates.run_pith(entry, files["pith"], "clean", profile)
    pith["notes"] = told["notes"] if told else []
    ran = process.run([sys.executable, "-m", "peers.slim", entry.model, files["onnxslim"]])
    slim = {"problem": ran.problem, "seconds": ran.seconds, "cpuSeconds": ran.cpu_seconds, "peakBytes": ran.peak_bytes}
    return {"pith": pith, "onnxslim": slim}, files


def compare(record, path, original, feeds):
    """Adds to `record` what one tool left at `path`; returns its session, or None where it does not run."""
    try:
        session = measure.session(path)
        record |= counts(path)
        for kind, runs in feeds.items():
            record[kind] = probes.agreement(original, session, runs)
        return session
    except Exception as problem:  # whatever ONNX Runtime says about a file that a tool wrote
        record["problem"] = f"its output does not run: {problem}"
        return None


def measure_entry(entry, profile):
    """Everything about one model."""
    original = measure.session(entry.model)
    feeds = probes.feeds(entry, original)
    with tempfile.TemporaryDirectory() as folder:
        records, files = produce(entry, Path(folder), profile)
        first = next(iter(feeds.values()))[0]
        timed = {"original": (original, first)}
        for name, record in records.items():
            session = None if record["problem"] else compare(record, files[name], original, feeds)
            if session:
                timed[name] = (session, {k: v for k, v in first.items() if k in measure.inputs_of(session)})
        figures = latency.measure(timed, budget_seconds=3.0)
    for name in timed:
        if name != "original":
            records[name] |= figures[name]
    return {"original": counts(entry.model) | figures["original"], "tools": records}


def describe(name, model):
    left = {k: v.get("nodes", v["problem"]) for k, v in model["tools"].items()}
    print(f"  {name}: {model['original']['nodes']} nodes, pith {left['pith']}, onnxslim {left['onnxslim']}", file=sys.stderr, flush=True)


def write(results):
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "clean.json").write_text(json.dumps(results, indent=1) + "\n")
    (RESULTS / "clean.md").write_text("\n".join(clean_report.lines(results)).rstrip() + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="only these, with commas between")
    asked, started = parser.parse_args(), time.time()
    entries = catalog.all_entries(asked.models.split(",") if asked.models else None)
    results = machine.header(candidates.pith_binary(), "clean") | {"seconds": 0, "models": {}}
    if not catalog.data_folder():
        print("bench: there is no shared data folder, so only the embedded example is measured.", file=sys.stderr)
    profile = candidates.fresh_profile()
    for entry in entries:
        results["models"][entry.name] = measure_entry(entry, profile)
        describe(entry.name, results["models"][entry.name])
        results["seconds"] = time.time() - started
        write(results)
    for met, text in clean_report.promises(results):
        print("met  " if met else "SHORT", text)


if __name__ == "__main__":
    main()
