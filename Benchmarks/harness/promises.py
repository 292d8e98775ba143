"""What the project promised of quantization, each as one line that says met or short."""

from .findings import rivals
from .floors import NOISE, SIGNIFICANT
from .groups import LARGE

AHEAD_DB, SLOWEST = 1.0, 1.05  # of the best peer, of the fastest peer's time
SECONDS = {"pith int8": 3, "pith int8-accurate": 120, "pith int4-accurate": 120}
BITS_OF_FOUR = 6.2  # a weight of the whole file: mask and graph included
ADDED = (("pith int8-weights", 0.003), ("pith int8-accurate", 0.003), ("pith int8", 0.003), ("pith int4-accurate", 0.018), ("pith int2", 0.50))
STREAMS = {"dtln-1": (None, 390_000), "silero-vad": (30, 800_000), "silero-vad-half": (30, None), "silero-vad-ifless": (30, None)}
SMALLER = 3.4  # times fewer bytes of a recurrent model whose weights are four times smaller
RIVAL = "ort dynamic"
GRUS = ("gru", "gru-strong")


def lines(name, told):
    """`(met, what)` for everything that a group's results can answer."""
    return [line for model, results in told["models"].items() for line in CHECKS[name](model, results)]


def _checked(model, results, recipe, check):
    """The lines of `check` for one recipe's output, or one that says why there is none."""
    ours = results["candidates"].get(recipe)
    if ours is None:
        return [(False, f"{model}: {recipe} is not there yet")]
    if ours["problem"]:
        return [(False, f"{model}: {recipe}: {ours['problem']}")]
    return [(bool(met), f"{model}: {recipe}: {text}") for met, text in check(ours)]


def _db(told):
    return float("inf") if told["sqnrDB"] is None else told["sqnrDB"]


def _cnn(model, results):
    def check(ours):
        peers = rivals(results, ours)
        if not peers:
            yield True, f"{_db(ours):.2f} dB, and no peer has a sound output"
            return
        best = max(peers, key=lambda k: _db(peers[k]))
        ahead = _db(ours) - _db(peers[best])
        yield ahead >= AHEAD_DB, f"{_db(ours):.2f} dB beside {_db(peers[best]):.2f} ({best}): {ahead:+.2f}, at least {AHEAD_DB:+.0f}"
        sound = {k: v for k, v in peers.items() if not _loses(v, results["reference"])}
        fastest = max(sound or peers, key=lambda k: peers[k]["speed"])
        ratio = peers[fastest]["speed"] / ours["speed"]
        yield ratio <= SLOWEST, f"{ratio:.2f} of the run time of the fastest peer ({fastest}, {peers[fastest]['speed']:.2f}x), at most {SLOWEST}"
        if "sameAccuracyProbability" in ours:
            value, was, p = ours["score"], results["reference"]["score"], ours["sameAccuracyProbability"]
            yield value >= was or p > SIGNIFICANT, f"accuracy {value:.4f} beside {was:.4f}, McNemar p = {p:.2f}, not below where above {SIGNIFICANT}"

    return _checked(model, results, "pith int8-accurate", check)


def _loses(told, reference):
    """Whether an output scores significantly below float: its speed is worth nothing."""
    return "sameAccuracyProbability" in told and told["score"] < reference["score"] and told["sameAccuracyProbability"] <= SIGNIFICANT


def _int4(model, results):
    def at_least(least):
        return lambda ours: [(ours["score"] >= least, f"accuracy {ours['score']:.4f} of {results['reference']['score']:.4f}, at least {least:.4f}")]

    if model != "resnet8-mlperf":
        return _checked(model, results, "pith int4-accurate", at_least(results["reference"]["score"] - 0.005))
    wanted = {"pith int4-accurate": 0.745, "pith int4-channel": 0.745, "pith int4-channel-int8": 0.74}
    return [line for recipe, least in wanted.items() for line in _checked(model, results, recipe, at_least(least))]


def _lm(model, results):
    found = []
    for recipe, most in ADDED:
        added = lambda ours: ours["score"] - results["reference"]["score"]
        found += _checked(model, results, recipe, lambda ours: [(added(ours) <= most, f"{added(ours):+.4f} nats a token, at most {most:+g}")])
    bits = lambda ours: [(ours["bitsPerWeight"] <= BITS_OF_FOUR, f"{ours['bitsPerWeight']:.2f} bits a weight in the file, at most {BITS_OF_FOUR}")]
    return found + _checked(model, results, "pith int4-accurate", bits)


def _tails(model, results):
    return _checked(model, results, "pith int4-accurate", lambda ours: [(_db(ours) >= 16, f"{_db(ours):.2f} dB, at least 16")])


def _recurrent(model, results):
    reference, rival = results["reference"], results["candidates"][RIVAL]
    db, most_bytes = STREAMS.get(model, (47 if model in GRUS else None, None))

    def check(ours):
        smaller = reference["bytes"] / ours["bytes"]
        yield smaller >= SMALLER, f"{smaller:.2f}x fewer bytes, at least {SMALLER}x"
        yield ours["speed"] >= 1 - NOISE, f"{ours['speed']:.2f}x fp32, never slower than its input (within {NOISE:.0%})"
        if most_bytes:
            yield ours["bytes"] <= most_bytes, f"{ours['bytes']:,} bytes, at most {most_bytes:,}"
        if db:
            yield _db(ours) >= db, f"{_db(ours):.2f} dB, at least {db}"

    found = _checked(model, results, "pith int8-accurate" if model in GRUS else "pith int8", check)
    return found + ([_as_dynamic(model, results, rival)] if model in ("dtln-1", "dtln-2", "lstm") and not rival["problem"] else [])


def _as_dynamic(model, results, rival):
    """One of our recipes has both the error and the speed of ONNX Runtime's dynamic quantizer."""
    ours = {k: v for k, v in results["candidates"].items() if k in ("pith int8", "pith int8-dynamic") and not v["problem"]}
    met = [k for k, v in ours.items() if _db(v) >= _db(rival) and v["speed"] >= rival["speed"] * (1 - NOISE)]
    told = "; ".join(f"{k} {_db(v):.2f} dB, {v['speed']:.2f}x" for k, v in ours.items())
    return bool(met), f"{model}: one recipe has error and speed of {RIVAL} ({_db(rival):.2f} dB, {rival['speed']:.2f}x; within {NOISE:.0%}): {told}"


def _minilm(model, results):
    rival = results["candidates"][RIVAL]
    # Promised beside .8203, which all sentences give in float; the rows of the card give another figure.
    float_rho = results["reference"]["score"]
    loses = lambda ours, most: float_rho - ours["score"] <= most
    text = lambda ours: f"cosine {ours['cosine']:.4f}, rho {ours['score']:.4f}, {ours['bytes']:,} bytes, {ours['speed']:.2f}x"

    def dynamic(ours):
        wanted = rival["speed"] * 0.95
        good = ours["cosine"] >= 0.996 and loses(ours, 0.0008) and ours["bytes"] < 23_050_000
        yield good, f"{text(ours)}; at least .996 and {float_rho - 0.0008:.4f}, at most 23.0 MB"
        yield ours["speed"] >= wanted, f"{ours['speed']:.2f}x beside {rival['speed']:.2f}x of {RIVAL}, at least .95 of it"

    weights = lambda ours: [(ours["cosine"] >= 0.9995 and ours["speed"] >= 1.4, f"{text(ours)}; at least .9995 and 1.4x")]
    small = lambda ours: [
        (
            ours["cosine"] >= 0.98 and loses(ours, 0.0033) and ours["bytes"] <= 13_000_000 and ours["speed"] >= 1 - NOISE,
            f"{text(ours)}; at least .98, {float_rho - 0.0033:.4f} and fp32 speed, at most 13.0 MB",
        )
    ]  # fmt: skip
    checks = {"pith int8-dynamic": dynamic, "pith int8": weights, "pith int4-accurate": small}
    return [line for recipe, check in checks.items() for line in _checked(model, results, recipe, check)]


def _time(model, results):
    def check(recipe):
        seconds = lambda ours: ours["secondsWithoutScoring"]
        return lambda ours: [(seconds(ours) <= SECONDS[recipe], f"{seconds(ours):.2f} s without scoring, at most {SECONDS[recipe]}")]

    return [] if model in LARGE else [line for recipe in SECONDS for line in _checked(model, results, recipe, check(recipe))]


CHECKS = {"cnn": _cnn, "int4": _int4, "lm": _lm, "tails": _tails, "recurrent": _recurrent, "minilm": _minilm, "time": _time}
