"""The floors that the project set itself for int8, each as one line that says met or short."""

from dataclasses import dataclass

NOISE = 0.03  # a ratio of two latencies is repeatable to about 3 % on a quiet machine
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Floor:
    """What `pith compress --recipe int8` must show on one model; None where nothing is asked."""

    model: str
    sqnr: float | None = None
    speed: float | None = None
    most_bytes: int | None = None
    cosine: float | None = None
    same_accuracy: bool = False


FLOORS = (
    Floor("resnet20-cifar10", sqnr=28.4, speed=1.9, most_bytes=335_000, same_accuracy=True),
    Floor("resnet8-mlperf", sqnr=22.4, speed=1.4, most_bytes=105_000),
    Floor("kws-dscnn", sqnr=35, speed=1.0, most_bytes=50_000),
    Floor("all-minilm-l6-v2", cosine=0.999, speed=1.0, most_bytes=23_600_000),
)
FASTER_THAN = {"ort percentile": 3.0, "nncf": 5.0}


def lines(results):
    """`(met, what)` for every floor that the results can answer."""
    found = [line for floor in FLOORS if floor.model in results["models"] for line in _of_model(floor, results)]
    if results.get("timing"):
        found += _of_timing(results["timing"])
    found += [_same_bytes(name, told) for name, told in results.get("sameBytes", {}).items()]
    return found + [_others(results)]


def _of_model(floor, results):
    pith = results["models"][floor.model]["candidates"]["pith"]
    if pith["problem"]:
        return [(False, f"{floor.model}: {pith['problem']}")]
    speed = pith["speed"]
    checks = [
        (floor.sqnr, lambda: pith["sqnrDB"] >= floor.sqnr, lambda: f"SQNR {pith['sqnrDB']:.2f} dB, at least {floor.sqnr:g}"),
        (floor.cosine, lambda: pith["cosine"] >= floor.cosine, lambda: f"mean cosine {pith['cosine']:.5f}, at least {floor.cosine:g}"),
        (floor.most_bytes, lambda: pith["bytes"] <= floor.most_bytes, lambda: f"{pith['bytes']:,} bytes, at most {floor.most_bytes:,}"),
        (floor.speed, lambda: speed >= floor.speed * (1 - NOISE if floor.speed == 1 else 1), lambda: _speed(floor, pith)),
        (floor.same_accuracy, lambda: pith["sameAccuracyProbability"] > SIGNIFICANT, lambda: _accuracy(pith, results["models"][floor.model])),
    ]  # fmt: skip
    return [(bool(met()), f"{floor.model}: {text()}") for asked, met, text in checks if asked]


def _speed(floor, pith):
    wanted = f"never slower than its input (within {NOISE:.0%})" if floor.speed == 1 else f"at least {floor.speed:g}x"
    return f"{pith['speed']:.2f}x fp32 (quartiles {pith['speedLowerQuartile']:.2f} to {pith['speedUpperQuartile']:.2f}), {wanted}"


def _accuracy(pith, model):
    return f"accuracy {pith['score']:.4f} beside {model['reference']['score']:.4f}, McNemar p = {pith['sameAccuracyProbability']:.2f}, not significant above {SIGNIFICANT}"


def _of_timing(timing):
    found = []
    for tool, wanted in FASTER_THAN.items():
        rivals = {name: told for name, told in timing["tools"].items() if name.startswith(tool)}
        name = min(rivals, key=lambda n: rivals[n]["bestSeconds"])
        ratio = rivals[name]["bestSeconds"] / timing["pithSeconds"]
        cpu = rivals[name]["bestCPUSeconds"] / timing["pithCPUSeconds"]
        text = f"{timing['model']}, {timing['calibrationRows']} calibration rows, whole process: {ratio:.2f}x faster than {name}"
        found.append((ratio >= wanted, f"{text} ({cpu:.2f}x by processor time, scoring included), at least {wanted:g}x"))
    return found


def _same_bytes(name, told):
    return told["outputs"] == 1, f"{name}: {told['outputs']} different output(s) of {told['runs']} runs with 1 and 2 threads"


def _others(results):
    """Every model: finished or refused by name, ledger complete, loop closed."""
    short = []
    for name, model in results["models"].items():
        pith, account = model["candidates"]["pith"], model["accounts"]["pith"]
        if pith["problem"]:
            short += [] if pith.get("refusedByName") else [f"{name} failed: {pith['problem']}"]
        elif account["weightsMissingCount"]:
            short.append(f"{name}: {account['weightsMissingCount']} weights missing in the ledger")
        elif account["weightsComparedAfterReading"] is None:
            short.append(f"{name}: loop not closed")
    text = f"{len(results['models'])} models with a card: finish or refuse by name, ledger complete, loop closed"
    return not short, text + (": " + "; ".join(short) if short else "")
