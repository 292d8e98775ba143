"""Quantized weights beside NNCodec: bits at the same error, with and without a trellis, and millions of weights a second."""

import json
import resource
import tempfile
from pathlib import Path

import numpy as np

from . import coding_pith, environments, process
from .coding_measures import say

DECIBELS = 24.4
LAYERS = 12  # matrices of the encoder that are coded, as in the project's own notes


def matrices(arrays):
    """The largest two-dimensional weights that are no tables, by name, the first twelve of them."""
    names = [name for name in arrays.files if arrays[name].ndim == 2 and arrays[name].dtype == np.float32]
    squares = [name for name in names if max(arrays[name].shape) <= 4 * min(arrays[name].shape)]
    return sorted(squares, key=lambda name: (-arrays[name].size, name))[:LAYERS]


def bits_at(found, wanted):
    """Bits a weight at another error: 6.02 dB are a bit."""
    return found["bits"] + (wanted - found["decibels"]) / 6.0206


def nncodec(path, trellis, rounds):
    """NNCodec at the quality parameters around the wanted error, on the matrices in `path`."""
    python = environments.python("coding")
    if environments.missing("coding"):
        return {"problem": environments.missing("coding")}
    ran = process.run([python, "-m", "peers.nncodec_levels", path, "trellis" if trellis else "plain", DECIBELS, rounds])
    return {"problem": ran.problem} if ran.problem else json.loads(ran.output.splitlines()[-1]) | {"problem": None}


def pith(model, weights, names, states, folder, rounds):
    """Pith's trellis with `states` (1 is none), its step found so that the error is the wanted one."""
    import trellis

    chosen = ", ".join(names)
    step = 0.21 if states == 1 else 0.12
    for _ in range(4):
        decibels, bits, order0, count = trellis.measure(model, weights, states, step, "model", chosen, folder)
        if abs(decibels - DECIBELS) < 0.02:
            break
        step *= 10 ** ((decibels - DECIBELS) / 20)
    told = {"decibels": decibels, "bits": bits, "order0": order0, "weights": count, "step": step}
    return told | {"bitsAtGoal": bits_at(told, DECIBELS)} | speeds(model, weights, names, states, step, folder, rounds)


def speeds(model, weights, names, states, step, folder, rounds):
    """Millions of weights a second: choosing levels by the trellis, coding them, and decoding them."""
    import trellis

    recipe, clean, out = (Path(folder) / name for name in ("speed.yaml", "clean.yaml", "speed.onnx"))
    recipe.write_text(trellis.recipe(states, step, "model", ", ".join(names)))
    clean.write_text("version: 1\nstages:\n  - technique: graph.clean\n")

    def compress(chosen):
        """Processor seconds of a whole process: the clock also has the waiting for the disk."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        coding_pith.run("compress", model, "-o", out, "--recipe", chosen, "--profile", "none", "--threads", "1")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    # Reading, cleaning, writing and checking the model is no part of coding, and no part of the peer's time.
    without = min(compress(clean) for _ in range(rounds))
    seconds = min(compress(recipe) for _ in range(rounds))
    levels = Path(folder) / "levels.pith", Path(folder) / "levels.npz"
    coding_pith.run("pack", out, "-o", levels[0])
    coding_pith.run("unpack", levels[0], "-o", levels[1], "--stored")
    found = np.load(levels[1])
    only = {name: found[f"{name}.levels"] for name in names if f"{name}.levels" in found.files}
    from .coding_data import safetensors

    path = Path(folder) / "levels.safetensors"
    safetensors(path, only, "int8")
    warm, count = coding_pith.warm(path, rounds), sum(array.size for array in only.values())
    return {
        "compressSeconds": seconds,
        "cleanSeconds": without,
        # A difference that noise could make says nothing.
        "chooseMweights": count / (seconds - without) / 1e6 if seconds > 1.03 * without else None,
        "encodeMweights": warm["encodeMBps"],
        "decodeMweights": warm["decodeMBps"],
        "codedBits": 8 * warm["bytes"] / count,
    }


def measure(model, rounds):
    """The whole comparison."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        packed, arrays = folder / "w.pith", folder / "w.npz"
        coding_pith.run("pack", model, "-o", packed)
        coding_pith.run("unpack", packed, "-o", arrays)
        loaded = np.load(arrays)
        names = matrices(loaded)
        weights = {name: loaded[name] for name in names}
        chosen = folder / "matrices.npz"
        np.savez(chosen, **{f"m{index}": weights[name] for index, name in enumerate(names)})
        told = {"model": Path(model).name, "matrices": names, "goalDecibels": DECIBELS, "pith": {}, "nncodec": {}}
        for label, states in (("nearest", 1), ("trellis", 8)):
            told["pith"][label] = pith(str(model), weights, names, states, place, rounds)
            told["nncodec"][label] = nncodec(chosen, states > 1, rounds)
            say(f"  {label}: {told['pith'][label]['bitsAtGoal']:.3f} bits; nncodec {told['nncodec'][label]}")
    return told
