"""NNCodec on matrices of weights: nncodec_levels.py MATRICES.npz plain|trellis DECIBELS ROUNDS prints a JSON object.

Its quality parameter goes in steps of a quarter of an octave, so the two around the wanted error are coded and the bits at exactly
that error are interpolated.
"""

import json
import sys
import tempfile
import time

import numpy as np


declared = []  # what is declared is gone with its owner


def library():
    """NNCodec's Python interface.

    It imports torchvision for data sets that are not used here. Where that was built for another torch its operators do not load, so
    they are declared first, without an implementation.
    """
    import torch

    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        declared.append(torch.library.Library("torchvision", "FRAGMENT"))
        for name in ("nms", "qnms"):
            declared[0].define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import nncodec.nn as nnc

    return nnc


def code(weights, qp, trellis, folder):
    """Bits, decibels and seconds of coding all matrices with one quality parameter."""
    nnc = library()
    settings = {"qp": qp, "use_dq": trellis, "param_opt": True, "results": folder, "model": "matrices", "verbose": False}
    start = time.perf_counter()
    stream = nnc.encode(weights, settings)
    middle = time.perf_counter()
    back = nnc.decode(stream)
    end = time.perf_counter()
    signal = sum(float((array.astype(np.float64) ** 2).sum()) for array in weights.values())
    noise = sum(float(((array - np.asarray(back[name], np.float64)) ** 2).sum()) for name, array in weights.items())
    count = sum(array.size for array in weights.values())
    return {
        "qp": qp,
        "decibels": 10 * np.log10(signal / noise),
        "bits": 8 * len(stream) / count,
        "encodeMweights": count / (middle - start) / 1e6,
        "decodeMweights": count / (end - middle) / 1e6,
    }


def main(path, kind, decibels, rounds):
    loaded, wanted = np.load(path), float(decibels)
    weights = {name: loaded[name] for name in loaded.files}
    with tempfile.TemporaryDirectory() as folder:
        qp = -28 if kind == "trellis" else -26
        found = code(weights, qp, kind == "trellis", folder)
        # A quality parameter is worth 1.5 dB.
        for _ in range(3):
            step = round((found["decibels"] - wanted) / 1.505)
            if step == 0:
                break
            qp += step
            found = code(weights, qp, kind == "trellis", folder)
        for _ in range(int(rounds) - 1):
            again = code(weights, qp, kind == "trellis", folder)
            for key in ("encodeMweights", "decodeMweights"):
                found[key] = max(found[key], again[key])
    found["bitsAtGoal"] = found["bits"] + (wanted - found["decibels"]) / 6.0206
    print(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
