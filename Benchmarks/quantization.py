"""The quantization benchmark: Pith's recipes beside ONNX Runtime's tools, NNCF and neural-compressor, from 8 bits to 2.

Runs in groups, each of which replaces its part of the results: Results/quantization.json holds every figure,
Results/quantization.md the tables (Results/NAME/ with --machine NAME). Everything that was written is scored and timed here, never by the tools.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

from harness import candidates, catalog, groups, machine, outcomes, promises, quantization_report

RESULTS = catalog.BENCHMARKS / "Results"
QUICK_SECONDS = 10  # a process that takes less runs twice


def say(text):
    print(text, file=sys.stderr, flush=True)


def measure(entry, group, recipes, profile, asked):
    """Everything about one model of a group."""
    if not group.scored:
        return {"candidates": {recipe.name: timed(entry, recipe, profile) for recipe in recipes}}
    limit = None if group.every_row else entry.evaluation_limit
    told = outcomes.measure_entry(entry, recipes, group.peers(), profile, limit, asked.reuse, asked.jobs)
    weights = groups.WEIGHTS.get(entry.name)
    for record in (told["reference"], *told["candidates"].values()) if weights else ():
        if "bytes" in record:
            record["bitsPerWeight"] = 8 * record["bytes"] / weights
    outcomes.describe(say, entry.name, told)
    return told


def timed(entry, recipe, profile):
    """A run of one recipe, or the better of two where they are quick, by the seconds without scoring."""
    with tempfile.TemporaryDirectory() as folder:
        once = lambda: candidates.run_pith(entry, Path(folder) / "out.onnx", recipe.recipe, profile)[0]
        runs = [once()]
        runs += [once()] if runs[0]["seconds"] < QUICK_SECONDS else []
    best = min(runs, key=lambda run: run.get("secondsWithoutScoring", float("inf")))
    said = best["problem"] or f"{best['secondsWithoutScoring']:.2f} s"
    say(f"  {entry.name}: {recipe.name} {said}")
    return best


def run(name, profile, asked, folder):
    """Measures one group; what it finds is written after every model."""
    group, started = groups.GROUPS[name], time.time()
    known = candidates.pith_recipes()
    recipes = [r for r in group.recipes if isinstance(r.recipe, Path) or r.recipe in known]
    for recipe in set(group.recipes) - set(recipes):
        say(f"bench: this binary has no recipe {recipe.recipe} yet")
    told = machine.header(candidates.pith_binary(), "quantization") | {"seconds": 0, "models": {}}
    say(f"bench: {name}, {group.title}")
    for entry in groups.entries(group):
        if asked.models and entry.name not in asked.models:
            continue
        told["models"][entry.name] = measure(entry, group, recipes, profile, asked)
        told["seconds"] = time.time() - started
        if not asked.models:  # a part of a group is a look, and no result
            write({name: told}, folder)
    return told


def read(folder):
    """The results so far, or none."""
    path = folder / "quantization.json"
    return json.loads(path.read_text()) if path.is_file() else {"benchmark": "quantization", "groups": {}}


def write(measured, folder):
    """Both result files, with these groups in place of what they held of them."""
    folder.mkdir(exist_ok=True)
    results = read(folder)
    results["groups"] = {name: told for name in groups.GROUPS if (told := (results["groups"] | measured).get(name))}
    (folder / "quantization.json").write_text(json.dumps(results, indent=1) + "\n")
    (folder / "quantization.md").write_text("\n".join(quantization_report.lines(results)).rstrip() + "\n")


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default=",".join(groups.GROUPS), help="only these, with commas between (default: %(default)s)")
    parser.add_argument("--models", type=lambda names: names.split(","), help="a look at these alone, with commas between: results are not written")
    parser.add_argument("--machine", default="", help="a kind of machine, such as avx2: results go to a folder of this name")
    parser.add_argument("--reuse", action="store_true", help="take the peers' outputs of an earlier call where nothing changed")
    parser.add_argument("--jobs", type=int, default=machine.jobs(), help="peers at once (default: %(default)s)")
    parser.add_argument("--only-report", action="store_true", help="measure nothing; write the tables anew from the figures")
    asked = parser.parse_args()
    asked.groups = asked.groups.split(",")
    if unknown := set(asked.groups) - set(groups.GROUPS):
        parser.error(f"no group is called {', '.join(sorted(unknown))}")
    return asked


def main():
    asked = options()
    folder = RESULTS / asked.machine
    if asked.only_report:
        write({}, folder)
        return
    if not catalog.data_folder():
        say("bench: there is no shared data folder, so only made models are measured (PITH_TEST_DATA names another).")
    profile = candidates.fresh_profile()
    measured = {name: run(name, profile, asked, folder) for name in asked.groups}
    for name, told in measured.items():
        for met, text in promises.lines(name, told):
            print("met  " if met else "SHORT", text)


if __name__ == "__main__":
    main()
