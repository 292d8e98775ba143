"""A whole network in a container beside NNCodec's weights of it, both scored on the same data."""

import json
from pathlib import Path

import numpy as np

from . import coding_pith, environments, process
from .coding_measures import say

NETWORK, CARD = "resnet56-cifar10.onnx", "resnet-cifar10.yaml"
STEPS = (0.16, 0.22, 0.28, 0.34, 0.42, 0.55, 0.7)
BLIND = (0.06, 0.09, 0.12, 0.16, 0.2)
TOLERANCE = 0.005  # of accuracy: what 2,500 images can not tell apart
# As they are: folded normalizations give layers weights of very different size, for which one quality parameter stands; and in units
# of each weight's own root mean square, which that tool does not do by itself.
QUALITIES = {"as-is": (-36, -34, -32, -30), "unit": (-16, -14, -12, -10)}


def safe(name):
    return name.replace("::", "__").replace("/", "_")


def score(model, reference, card):
    told = coding_pith.told("evaluate", model, "--data", card, "--reference", reference)
    return {"accuracy": told["accuracy"]["candidate"], "reference": told["accuracy"]["reference"], "decibels": told["fidelity"]["sqnrDB"]}


def ours(model, card, sees, step, folder):
    """A container with levels of a step, graph, biases, recipe and all; scored as what comes out of it again."""
    recipe, packed, back = (folder / name for name in ("network.yaml", "network.pith", "network.onnx"))
    recipe.write_text(
        f"version: 1\nstages:\n  - technique: graph.clean\n  - technique: code.trellis\n    step: {step}\n")
    data = ("--data", card) if sees else ()
    coding_pith.run("compress", model, "-o", packed, "--recipe", recipe, *data, "--profile", "none")
    coding_pith.run("unpack", packed, "-o", back)
    return {"step": step, "bytes": packed.stat().st_size} | score(back, model, card)


def built_in(model, card, name, folder):
    packed, back = folder / "network.pith", folder / "network.onnx"
    coding_pith.run("compress", model, "-o", packed, "--recipe", name, "--data", card, "--profile", "none")
    coding_pith.run("unpack", packed, "-o", back)
    return {"recipe": name, "bytes": packed.stat().st_size} | score(back, model, card)


def theirs(clean, model, card, kind, quality, folder):
    """NNCodec's stream of the weights, which has no graph, put back into the model to be scored."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(clean))
    weights, back, target = folder / "weights.npz", folder / "back.npz", folder / "nncodec.onnx"
    arrays = {safe(one.name): numpy_helper.to_array(one) for one in graph.graph.initializer}
    np.savez(weights, **{name: array for name, array in arrays.items() if array.dtype == np.float32})
    ran = process.run([environments.python("coding"), "-m", "peers.nncodec_model", weights, kind, quality, back])
    if ran.problem:
        return {"quality": quality, "problem": ran.problem}
    found = np.load(back)
    for one in graph.graph.initializer:
        if safe(one.name) in found.files:
            array = found[safe(one.name)].reshape(numpy_helper.to_array(one).shape)
            one.CopyFrom(numpy_helper.from_array(array, one.name))
    onnx.save(graph, str(target))
    told = json.loads(ran.output.splitlines()[-1])
    return {"quality": quality, "problem": None} | told | score(target, model, card)


def measure(models, folder, quick):
    """Bytes, accuracy and error of both, at several strengths, ours with data and without."""
    model, card = models / NETWORK, models.parent / "cards" / CARD
    folder = Path(folder)
    clean = folder / "clean.onnx"
    coding_pith.run("compress", model, "-o", clean, "--recipe", "clean", "--profile", "none")
    told = {"network": NETWORK, "pith": [], "blind": [], "recipes": [], "nncodec": {}}
    for kind, sees, steps in (("pith", True, STEPS), ("blind", False, BLIND)):
        for step in steps[-2:] if quick else steps:
            told[kind].append(ours(model, card, sees, step, folder))
            say(f"  {kind}, step {step}: {told[kind][-1]}")
    for name in () if quick else ("mixed", "int4-accurate"):
        told["recipes"].append(built_in(model, card, name, folder))
        say(f"  {name}: {told['recipes'][-1]}")
    for kind, qualities in QUALITIES.items():
        asked = qualities[-1:] if quick else qualities
        told["nncodec"][kind] = [theirs(clean, model, card, kind, quality, folder) for quality in asked]
        say(f"  nncodec, {kind}: {told['nncodec'][kind]}")
    return told


def smallest_beside(told, peer, kind):
    """The smallest container that errs no more than the peer's weights and scores no less, but for the tolerance; or None."""
    fits = [one for one in told[kind] if one["decibels"] >= peer["decibels"] and one["accuracy"] >= peer["accuracy"] - TOLERANCE]
    return min(fits, key=lambda one: one["bytes"], default=None)
