"""One model through every tool: they run, then everything that was written is scored and timed side by side."""

import concurrent.futures
import tempfile
from pathlib import Path

from . import account, candidates, cards, latency, measure


def produce(entry, folder, recipes, peers, profile, reuse=False, jobs=1):
    """Runs every tool on one model; `(records by name, output files by name, Pith's JSON by name)`.

    Pith runs alone, because it decides by what it measures; the peers share the cores, `jobs` at a time.
    """
    records, files, told = {}, {}, {}
    for recipe in recipes:
        files[recipe.name] = _place(folder, recipe.name)
        records[recipe.name], told[recipe.name] = candidates.run_pith(entry, files[recipe.name], recipe.recipe, profile)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = {}
        for peer in peers:
            files[peer.name] = _place(folder, peer.name)
            waiting[peer.name] = pool.submit(candidates.run_peer, peer, entry, files[peer.name], reuse)
        records |= {name: run.result() for name, run in waiting.items()}
    for tool in (*recipes, *peers):
        records[tool.name]["bits"] = tool.bits
    return records, files, told


def _place(folder, name):
    place = folder / name.replace(" ", "-")
    place.mkdir()
    return place / "out.onnx"


def score(entry, records, files, limit=None):
    """Adds to each record the figures of its output; returns those of the float model and what is to be timed."""
    rows = cards.load(entry.card, "evaluate", limit)
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


def measure_entry(entry, recipes, peers, profile, limit=None, reuse=False, jobs=1):
    """Everything about one model; at most `limit` evaluation rows are scored."""
    with tempfile.TemporaryDirectory() as folder:
        records, files, told = produce(entry, Path(folder), recipes, peers, profile, reuse, jobs)
        reference, timed = score(entry, records, files, limit)
        for name, figures in latency.measure(timed).items():
            (reference if name == "reference" else records[name]).update(figures)
        accounts = {name: account.check(entry.model, json) for name, json in told.items()}
    return {"card": entry.card.name, "reference": reference, "candidates": records, "accounts": accounts}


def describe(say, name, model):
    """One line for each of Pith's outputs while a benchmark runs."""
    ended = [k for k, v in model["candidates"].items() if v["problem"]]
    for key in model["accounts"]:
        pith = model["candidates"][key]
        told = pith["problem"] or f"{pith['sqnrDB'] or float('inf'):.2f} dB, {pith['speed']:.2f}x, {pith['bytes']:,} bytes"
        say(f"  {name}: {key} {told}")
    if ended:
        say(f"  {name}: no output: {', '.join(ended)}")
