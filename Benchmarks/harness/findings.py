"""Where Pith falls behind a peer, found by comparing every figure on every model."""

RUINED_DB = 10  # an output below this is no rival in bytes or speed
IDLE = 0.75  # a peer that leaves more than this share of the bytes and no integer kernel did nothing
MARGINS = {"sqnrDB": 0.1, "speed": 0.03, "bytes": 0.01}  # dB; the other two relative
RULE = (
    f"Of every measure the best peer that is ahead of Pith by more than {MARGINS['sqnrDB']} dB, {MARGINS['speed']:.0%} of speed or "
    f"{MARGINS['bytes']:.0%} of bytes; peers below {RUINED_DB} dB, and those that changed nothing, are not counted."
)


def findings(models, ours="pith"):
    """One sentence for each model and measure in which some peer is ahead of our output, the best such peer named."""
    found = []
    for name, model in models.items():
        pith = model["candidates"].get(ours)
        if not pith:
            continue
        if pith["problem"]:
            found.append(f"{name}: Pith wrote nothing ({pith['problem']}).")
            continue
        sound = rivals(model, pith)
        for measure, (better, text) in MEASURES.items():
            ahead = {k: v for k, v in sound.items() if better(v, pith)}
            if ahead:
                best = max(ahead, key=lambda k: -ahead[k][measure] if measure == "bytes" else _db(ahead[k], measure))
                found.append(f"{name}: {text(best, ahead[best], pith)}")
    return found


def rivals(model, pith):
    """The peers' outputs that an output of ours has to measure up to: at work, not ruined, and with the same bits."""
    return {
        name: told
        for name, told in model["candidates"].items()
        if not (name.startswith("pith") or told["problem"] or _idle(told, model["reference"]))
        and told.get("bits") == pith.get("bits")
        and _db(told, "sqnrDB") >= RUINED_DB
    }


def _idle(told, reference):
    return not told["integerKernels"] and told["bytes"] > IDLE * reference["bytes"]


def _db(told, measure):
    return float("inf") if told[measure] is None else told[measure]


def _rest(peer, *shown):
    parts = {"sqnrDB": f"{_db(peer, 'sqnrDB'):.2f} dB", "speed": f"{peer['speed']:.2f}x", "bytes": f"{peer['bytes']:,} bytes"}
    return ", ".join(parts[k] for k in parts if k not in shown)


MEASURES = {
    "sqnrDB": (
        lambda peer, pith: _db(peer, "sqnrDB") > _db(pith, "sqnrDB") + MARGINS["sqnrDB"],
        lambda name, peer, pith: f"less exact than {name}: {_db(pith, 'sqnrDB'):.2f} dB beside {_db(peer, 'sqnrDB'):.2f} (which has {_rest(peer, 'sqnrDB')}; Pith {_rest(pith, 'sqnrDB')}).",
    ),
    "speed": (
        lambda peer, pith: peer["speed"] > pith["speed"] * (1 + MARGINS["speed"]),
        lambda name, peer, pith: f"slower than {name}: {pith['speed']:.2f}x beside {peer['speed']:.2f}x (which has {_rest(peer, 'speed')}; Pith {_rest(pith, 'speed')}).",
    ),
    "bytes": (
        lambda peer, pith: peer["bytes"] < pith["bytes"] * (1 - MARGINS["bytes"]),
        lambda name, peer, pith: f"larger than {name}: {pith['bytes']:,} bytes beside {peer['bytes']:,} (which has {_rest(peer, 'bytes')}; Pith {_rest(pith, 'bytes')}).",
    ),
}  # fmt: skip
