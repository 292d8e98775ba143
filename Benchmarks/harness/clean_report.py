"""Results/clean.md: what each tool leaves of each graph."""

from .floors import NOISE
from .tables import checklist, number, preamble, sentence, table

EQUAL_DB = 100
HEADS = (
    "", "nodes", "pith", "onnxslim", "without Constant", "pith", "onnxslim", "speed, pith", "onnxslim",
    "SQNR card / random, pith", "onnxslim", "bytes", "pith", "onnxslim",
)  # fmt: skip


def promises(results):
    """`(met, what)`: equal outputs, never slower, and how the node counts compare."""
    tools = {name: model["tools"] for name, model in results["models"].items()}
    failed = [f"{name}: {t['pith']['problem']}" for name, t in tools.items() if t["pith"]["problem"]]
    done = {name: t for name, t in tools.items() if not t["pith"]["problem"]}
    unequal = [name for name, t in done.items() if not _equal(t["pith"])]
    slower = [f"{name} {t['pith']['speed']:.2f}x" for name, t in done.items() if t["pith"]["speed"] < 1 - NOISE]
    both = {name: t for name, t in done.items() if not t["onnxslim"]["problem"]}
    more = [
        f"{name} {t['pith']['nodesWithoutConstants']} beside {t['onnxslim']['nodesWithoutConstants']}"
        for name, t in both.items()
        if t["pith"]["nodesWithoutConstants"] > t["onnxslim"]["nodesWithoutConstants"]
    ]
    return [
        (not failed, _told(f"{len(tools)} models cleaned", failed)),
        (not unequal, _told(f"outputs bit-identical or {EQUAL_DB} dB and better", unequal)),
        (not slower, _told(f"never slower than the input (within {NOISE:.0%})", slower)),
        (not more, _told(f"at most as many nodes as onnxslim leaves (Constant nodes aside), on {len(both)} models that it finishes", more)),
    ]


def _told(text, exceptions):
    return text + (": not " + "; ".join(exceptions) if exceptions else "")


def _equal(tool):
    return all(told["identical"] or told["sqnrDB"] is None or told["sqnrDB"] >= EQUAL_DB for told in _agreements(tool))


def _agreements(tool):
    return [tool[kind] for kind in ("card", "random") if kind in tool]


def lines(results):
    """The whole report."""
    found = preamble(results, "Clean-up: Pith beside onnxslim")
    found += ["Nodes are counted with those of nested graphs. Speed is the input's time by the output's, on one thread.", ""]
    found += checklist(promises(results))
    found += table(HEADS, [_row(name, model) for name, model in results["models"].items()])
    problems = [
        f"- {name}, {tool}: {sentence(told['problem'])}"
        for name, model in results["models"].items()
        for tool, told in model["tools"].items()
        if told["problem"]
    ]
    return found + (["Without an output that runs:", "", *problems] if problems else [])


def _row(name, model):
    original, pith, slim = model["original"], model["tools"]["pith"], model["tools"]["onnxslim"]
    cells = [name]
    for key in ("nodes", "nodesWithoutConstants"):
        cells += [f"{original[key]:,}", _figure(pith, key), _figure(slim, key)]
    cells += [_speed(pith), _speed(slim), _agreement(pith), _agreement(slim)]
    return (*cells, f"{original['bytes']:,}", _figure(pith, "bytes"), _figure(slim, "bytes"))


def _figure(tool, key):
    return "fails" if tool["problem"] else f"{tool[key]:,}"


def _speed(tool):
    return "–" if tool["problem"] else number(tool["speed"])


def _agreement(tool):
    if tool["problem"]:
        return "–"
    return " / ".join("same" if told["identical"] or told["sqnrDB"] is None else number(told["sqnrDB"], 1) for told in _agreements(tool))
