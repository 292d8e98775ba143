"""Results/quantization.md: for each group what was promised, where a peer is ahead, and the tables."""

from . import findings, model_table, promises
from .groups import GROUPS, expected
from .tables import checklist, number, origin, table


def lines(results):
    """The whole report, in the order of the groups."""
    found = ["# Quantization: Pith beside its peers, from 8 bits to 2", ""]
    found += ["How it is measured is said in Benchmarks/README.md. Each group says when it was measured, and with which binary.", ""]
    measured = {name: results["groups"][name] for name in GROUPS if name in results["groups"]}
    found += ["## What was promised", ""]
    for name, told in measured.items():
        checked = promises.lines(name, told)
        met = sum(1 for line in checked if line[0])
        found += [f"**{name}**, {GROUPS[name].title}: {met} of {len(checked)} met.{_absent(name, told)}", "", *checklist(checked)]
    if missing := [name for name in GROUPS if name not in measured]:
        found += [f"**Not measured yet**: {', '.join(missing)}.", ""]
    for name, told in measured.items():
        found += _group(name, told)
    return found


def _absent(name, told):
    """A sentence on the models that a call which was cut short has not measured."""
    absent = [model for model in expected(GROUPS[name]) if model not in told["models"]]
    return f" Not measured: {', '.join(absent)}." if absent else ""


def _group(name, told):
    group = GROUPS[name]
    found = [f"## {name}: {group.title}", "", *origin(told), f"Binary: SHA-256 {told['versions']['pithSHA256'][:16]}.", ""]
    if not group.scored:
        return found + _seconds(group, told)
    found += ["Where a peer with the same bits is ahead:", ""]
    ahead = [f"- {recipe.name}: {text}" for recipe in group.recipes for text in findings.findings(told["models"], recipe.name)]
    found += [*(ahead or ["Nowhere."]), "", findings.RULE, ""]
    for model, results in told["models"].items():
        found += model_table.lines(model, results, group.heads)
    return found


def _seconds(group, told):
    """Whole processes less the scoring that Pith reports; the best of the runs."""
    heads = ("", *(f"{recipe.name.removeprefix('pith ')}, s" for recipe in group.recipes), "peak of memory, MB")
    rows = []
    for model, results in told["models"].items():
        records = [results["candidates"].get(recipe.name) for recipe in group.recipes]
        peak = max((r["peakBytes"] for r in records if r and not r["problem"]), default=None)
        cells = ["–" if not r or r["problem"] else number(r["secondsWithoutScoring"]) for r in records]
        rows.append((model, *cells, "–" if peak is None else number(peak / 1e6, 0)))
    return table(heads, rows)
