"""Results/int8.md: floors, findings, one table a model."""

from . import findings, floors, model_table
from .tables import checklist, number, preamble, table

HEADS = (
    "bytes", "smaller", "SQNR, dB", "cosine", "score", "latency, ms", "speed", "quartiles", "by the clock", "integer kernels",
    "process, s", "processor, s", "peak, MB",
)  # fmt: skip


def lines(results):
    """The whole report."""
    found = preamble(results, "int8: Pith beside ONNX Runtime's quantization tool and NNCF")
    found += ["How it is measured is said in Benchmarks/README.md.", "", "## Floors", ""]
    found += checklist(floors.lines(results))
    if results.get("timing"):
        found += _timing(results["timing"])
    found += ["## Where a peer is ahead", "", findings.RULE, ""]
    found += [f"- {text}" for text in findings.findings(results["models"])] or ["Nowhere."]
    found += ["", "## Models", ""]
    for name, model in results["models"].items():
        found += model_table.lines(name, model, HEADS)
    return found


def _timing(timing):
    pith = timing["pithSeconds"]
    rows = [("pith, without scoring", number(pith), "1.00", number(timing["pithCPUSeconds"]))]
    rows[0] = (*rows[0][:3], f"{rows[0][3]} (scoring included)")
    rows += [
        (name, number(told["bestSeconds"]), number(told["bestSeconds"] / pith), number(told["bestCPUSeconds"]))
        for name, told in timing["tools"].items()
    ]
    text = (
        f"{timing['model']}, {timing['calibrationRows']} calibration rows, the best of {timing['rounds']} interleaved runs; "
        f"Pith's first run, with an empty machine profile, took {number(timing['pithFirstSeconds'])} s without scoring."
    )
    return ["## Whole processes", "", text, "", *table(("", "seconds", "beside pith", "processor seconds"), rows)]
