"""Results/int8.md: floors, findings, one table a model."""

from . import findings, floors
from .tables import checklist, number, preamble, sentence, table

HEADS = (
    "", "bytes", "smaller", "SQNR, dB", "cosine", "score", "latency, ms", "speed", "quartiles", "by the clock", "integer kernels",
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
    found += [f"- {text}" for text in findings.findings(results)] or ["Nowhere."]
    found += ["", "## Models", ""]
    for name, model in results["models"].items():
        found += _model(name, model)
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


def _model(name, model):
    reference = model["reference"]
    metric = "" if reference["score"] is None else f", {reference['metric']} {reference['score']:.4f}"
    head = f"Card {model['card']}, {reference['rows']} rows scored{metric}."
    notes = [sentence(note) for note in (model["account"] or {}).get("notes", [])]
    rows = [_reference(reference)]
    rows += [_candidate(k, v, reference) for k, v in model["candidates"].items() if not v["problem"]]
    failed = [f"- {k}: {sentence(v['problem'])}" for k, v in model["candidates"].items() if v["problem"]]
    failed = ["Without an output:", "", *failed, ""] if failed else []
    noted = {sentence(text): k for k, v in model["candidates"].items() for text in v.get("notes", [])}
    failed += [f"A note of {k} and its like: {text}." for text, k in noted.items()] + ([""] if noted else [])
    said = ["Pith says: " + " · ".join(notes), ""] if notes else []
    return [f"### {name}", "", head, "", *table(HEADS, rows), *failed, *said]


def _reference(told):
    blank = ("",) * 6
    return ("float", f"{told['bytes']:,}", "1.00", "", "", number(told["score"], 4, ""), number(told["milliseconds"], 3), "1.00", *blank)


def _candidate(name, told, reference):
    return (
        f"**{name}**" if name == "pith" else name,
        f"{told['bytes']:,}",
        number(reference["bytes"] / told["bytes"]),
        number(told["sqnrDB"], missing="identical"),
        number(told["cosine"], 5),
        number(told["score"], 4, ""),
        number(told["milliseconds"], 3),
        number(told["speed"]),
        f"{told['speedLowerQuartile']:.2f} to {told['speedUpperQuartile']:.2f}",
        number(told["speedByClock"]),
        ", ".join(f"{n} {k}" for k, n in told["integerKernels"].items()) or "none",
        number(told["seconds"]) + (" (kept)" if told.get("reused") else ""),
        number(told["cpuSeconds"]),
        number(told["peakBytes"] / 1e6, 0),
    )
