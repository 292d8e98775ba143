"""The int8 benchmark: `pith compress --recipe int8` beside ONNX Runtime's quantization tool and NNCF.

For each model with a data card every tool runs as a process of its own; then everything that was written is scored
and timed here, by ONNX Runtime on one thread. Results/int8.json holds every figure, Results/int8.md the tables.
"""

import argparse
import json
import sys
import time

from harness import candidates, catalog, int8_report, machine, outcomes, timing

RESULTS = catalog.BENCHMARKS / "Results"


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure_entry(entry, profile, asked):
    """Everything about one model."""
    recipes, peers = [candidates.Recipe("pith", "int8")], candidates.int8_peers()
    return outcomes.measure_entry(entry, recipes, peers, profile, entry.evaluation_limit, asked.reuse, asked.jobs)


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
        model = measure_entry(entry, profile, asked)
        model["seconds"] = time.time() - begun
        results["models"][entry.name] = model
        results["seconds"] = time.time() - started
        outcomes.describe(say, entry.name, model)
        write(results)
    if not asked.only_timing:
        results["sameBytes"] = timing.same_bytes(entries, profile)
    results["seconds"] = time.time() - started
    write(results)
    for met, text in int8_report.floors.lines(results):
        print("met  " if met else "SHORT", text)


if __name__ == "__main__":
    main()
