"""The table of one model: a row for the float model, one for each output, and what was said about them."""

from .tables import number, sentence, table


def _beside(figure, missing=""):
    """A column of outputs alone."""
    return lambda told, reference: missing if told is reference else figure(told, reference)


# Head of a column to its text, from what is told of a file and of the float model.
COLUMNS = {
    "bits": _beside(lambda told, _: str(told.get("bits", "")), "32"),
    "bytes": lambda told, _: f"{told['bytes']:,}",
    "smaller": lambda told, reference: number(reference["bytes"] / told["bytes"]),
    "bits a weight": lambda told, _: number(told.get("bitsPerWeight"), missing=""),
    "SQNR, dB": _beside(lambda told, _: number(told["sqnrDB"], missing="identical")),
    "cosine": _beside(lambda told, _: number(told["cosine"], 5)),
    "score": lambda told, _: number(told["score"], 4, ""),
    "added": _beside(lambda told, reference: "" if told["score"] is None else f"{told['score'] - reference['score']:+.4f}"),
    "latency, ms": lambda told, _: number(told["milliseconds"], 3),
    "speed": lambda told, _: number(told["speed"]),
    "quartiles": _beside(lambda told, _: f"{told['speedLowerQuartile']:.2f} to {told['speedUpperQuartile']:.2f}"),
    "by the clock": _beside(lambda told, _: number(told["speedByClock"])),
    "integer kernels": _beside(lambda told, _: ", ".join(f"{n} {k}" for k, n in told["integerKernels"].items()) or "none"),
    "process, s": _beside(lambda told, _: number(told["seconds"]) + (" (kept)" if told.get("reused") else "")),
    "processor, s": _beside(lambda told, _: number(told["cpuSeconds"])),
    "peak, MB": _beside(lambda told, _: number(told["peakBytes"] / 1e6, 0)),
}  # fmt: skip


def lines(name, model, heads):
    """Head, table, and what went wrong or was noted."""
    reference, candidates = model["reference"], model["candidates"]
    metric = "" if reference["score"] is None else f", {reference['metric']} {reference['score']:.4f}"
    head = f"Card {model['card']}, {reference['rows']} rows scored{metric}."
    rows = [_row("float", reference, reference, heads)]
    rows += [_row(k, v, reference, heads) for k, v in candidates.items() if not v["problem"]]
    found = [f"### {name}", "", head, "", *table(("", *heads), rows)]
    failed = [f"- {k}: {sentence(v['problem'])}" for k, v in candidates.items() if v["problem"]]
    found += ["Without an output:", "", *failed, ""] if failed else []
    noted = {sentence(text): k for k, v in candidates.items() for text in v.get("notes", [])}
    found += [f"A note of {k} and its like: {text}." for text, k in noted.items()] + ([""] if noted else [])
    for key, account in model["accounts"].items():
        notes = [sentence(note) for note in (account or {}).get("notes", [])]
        found += [f"{key[:1].upper()}{key[1:]} says: " + " · ".join(notes), ""] if notes else []
    return found


def _row(name, told, reference, heads):
    return (f"**{name}**" if name.startswith("pith") else name, *(COLUMNS[head](told, reference) for head in heads))
