"""The int8 benchmark: `pith compress --recipe int8` beside ONNX Runtime's quantization tool and NNCF.

For each model with a data card every tool runs as a process of its own; then everything that was written is scored
and timed here, by ONNX Runtime on one thread. Results/int8.json holds every figure, Results/int8.md the tables.
"""

import argparse
import concurrent.futures
import json
import sys
import tempfile
import time
from pathlib import Path

from harness import account, candidates, cards, catalog, int8_report, latency, machine, measure, timing

RESULTS = catalog.BENCHMARKS / "Results"


def say(text):
    print(text, file=sys.stderr, flush=True)


def produce(entry, folder, profile, peers, asked):
    """Runs every tool on one model; `(records by name, output files by name, Pith's JSON)`.

    Pith runs alone, because it decides by what it measures; the peers share the cores.
    """
    records, files = {}, {"pith": folder / "pith.onnx"}
    records["pith"], told = candidates.run_pith(entry, files["pith"], "int8", profile)
    with concurrent.futures.ThreadPoolExecutor(asked.jobs) as pool:
        waiting = {}
        for peer in peers:
            place = folder / peer.name.replace(" ", "-")
            place.mkdir()
            files[peer.name] = place / "out.onnx"
            waiting[peer.name] = pool.submit(candidates.run_peer, peer, entry, files[peer.name], asked.reuse)
        records |= {name: run.result() for name, run in waiting.items()}
    return records, files, told


def score(entry, records, files):
    """Adds to each record the figures of its output; returns those of the float model and what is to be timed."""
    rows = cards.load(entry.card, "evaluate", entry.evaluation_limit)
    model, wanted = measure.evaluate(entry.model, rows)
    value, right = measure.score(rows, wanted)
    reference = {"bytes": measure.byte_count(entry.model), "score": value, "metric": rows.metric, "rows": rows.count}
    timed = {"reference": (model, measure.first_feed(model, rows))}
    for name, record in records.items():
        if record["problem"]:
            continue
        try:
            session, out = measure.evaluate(files[name], rows)
            record |= _figures(files[name], rows, wanted, right, out)
            timed[name] = (session, measure.first_feed(session, rows))
        except Exception as problem:  # whatever ONNX Runtime says about a file that a tool wrote
            record["problem"] = f"its output does not run: {problem}"
        records[name] = record
    return reference, timed


def _figures(path, rows, wanted, right, out):
    value, now_right = measure.score(rows, out)
    figures = {
        "bytes": measure.byte_count(path),
        "sqnrDB": measure.sqnr(wanted, out),
        "cosine": measure.cosine(wanted, out),
        "score": value,
        "integerKernels": measure.integer_kernels(path),
        "rowsPerRun": "one" if measure.quantizes_dynamically(path) else "batch",
    }
    if right is not None:
        figures["sameAccuracyProbability"] = measure.significance(right, now_right)
    return figures


def measure_entry(entry, profile, peers, asked):
    """Everything about one model."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        records, files, told = produce(entry, folder, profile, peers, asked)
        reference, timed = score(entry, records, files)
        for name, figures in latency.measure(timed).items():
            (reference if name == "reference" else records[name]).update(figures)
        checked = account.check(entry.model, told)
    return {"card": entry.card.name, "reference": reference, "candidates": records, "account": checked}


def describe(name, model):
    """One line a model while the benchmark runs."""
    ended = [k for k, v in model["candidates"].items() if v["problem"]]
    pith = model["candidates"]["pith"]
    said = pith["problem"] or f"{pith['sqnrDB'] or float('inf'):.2f} dB, {pith['speed']:.2f}x, {pith['bytes']:,} bytes"
    say(f"  {name}: pith {said}" + (f"; no output: {', '.join(ended)}" if ended else ""))


def write(results):
    """Both result files; after every model, so that a run that is cut short leaves what it found."""
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "int8.json").write_text(json.dumps(results, indent=1) + "\n")
    (RESULTS / "int8.md").write_text("\n".join(int8_report.lines(results)).rstrip() + "\n")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="only these, with commas between")
    parser.add_argument("--reuse", action="store_true", help="take the peers' outputs of an earlier call where nothing changed")
    parser.add_argument("--jobs", type=int, default=machine.jobs(), help="peers at once, where time does not count (default: %(default)s)")
    parser.add_argument("--no-timing", action="store_true", help="leave out the timing of whole processes")
    parser.add_argument("--only-timing", action="store_true", help="nothing but the timing of whole processes")
    return parser.parse_args()


def main():
    asked, started = options(), time.time()
    entries = catalog.entries_with_cards(asked.models.split(",") if asked.models else None)
    results = machine.header(candidates.pith_binary(), "int8") | {"seconds": 0, "jobs": asked.jobs, "models": {}}
    if not catalog.data_folder():
        say("bench: there is no shared data folder, so only the embedded example is measured (PITH_TEST_DATA names another).")
    profile = candidates.fresh_profile()
    if not asked.no_timing:
        say("bench: whole processes, interleaved")
        results["timing"] = timing.whole_processes(entries, profile)
    for entry in [] if asked.only_timing else entries:
        begun = time.time()
        model = measure_entry(entry, profile, candidates.int8_peers(), asked)
        model["seconds"] = time.time() - begun
        results["models"][entry.name] = model
        results["seconds"] = time.time() - started
        describe(entry.name, model)
        write(results)
    if not asked.only_timing:
        results["sameBytes"] = timing.same_bytes(entries, profile)
    results["seconds"] = time.time() - started
    write(results)
    for met, text in int8_report.floors.lines(results):
        print("met  " if met else "SHORT", text)


if __name__ == "__main__":
    main()
