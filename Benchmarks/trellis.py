"""Coding of quantized weights: bits and error of `code.trellis` on the matrices of a model, as files tell them.

    python3 Benchmarks/trellis.py MODEL.onnx [--layers NAME,NAME ...] [--decibels 24.4] [--states 1,4,8] [--scope model]

Needs numpy and a built `.build/release/pith` (or PITH). For each number of states it compresses the model twice, into `.onnx` and
`.pith`, with steps that come out near the wanted ratio, and prints

* the pooled ratio of signal to noise of the chosen weights, from the levels and scales that `pith unpack --stored` gives back,
* bits a weight: the stored bytes of levels and scales as `pith inspect` lists them (tables, maps and checksums included),
* the order-0 entropy of the levels of each tensor, and the bits at exactly the wanted ratio (6.02 dB are a bit),
* millions of weights a second of `pith pack --compare` on the .onnx (one thread, coding alone, the floats of the model included).
"""
import argparse
import json
import os
import subprocess
import tempfile

import numpy as np

PITH = os.environ.get("PITH", ".build/release/pith")


def run(*arguments):
    return subprocess.run([PITH, *arguments], check=True, capture_output=True, text=True).stdout


def recipe(states, step, scope, layers):
    chosen = "".join(f"    where: {{ suffixes: [{layers}] }}\n" if layers else "")
    return (
        "version: 1\nstages:\n  - technique: graph.clean\n  - technique: code.trellis\n"
        f"    states: {states}\n    step: {step:.5f}\n    scope: {scope}\n    minimumCount: 4096\n{chosen}")


def entropy_bits(levels):
    counts = np.unique(levels, return_counts=True)[1]
    return -(counts * np.log2(counts / counts.sum())).sum()


def measure(model, weights, states, step, scope, layers, folder):
    """Decibels, bits and order-0 bits a weight of one step."""
    path, packed, arrays = (os.path.join(folder, name) for name in ("r.yaml", "m.pith", "m.npz"))
    with open(path, "w") as file:
        file.write(recipe(states, step, scope, layers))
    run("compress", model, "-o", packed, "--recipe", path, "--profile", "none")
    run("unpack", packed, "-o", arrays, "--stored")
    told = json.loads(run("inspect", packed, "--format", "json"))
    stored = {entry["name"]: entry["stored"] for entry in told["arrays"]}
    exported = np.load(arrays)
    signal = noise = bits = order0 = count = 0.0
    for entry in told["weights"]:
        name = entry["name"]
        if name not in weights or entry["form"] != "grouped-integers":
            continue
        levels, scale = (exported[f"{name}.{part}"].astype(np.float64) for part in ("levels", "scales"))
        weight = weights[name].astype(np.float64)
        axis = entry["settings"].get("axis")
        if axis is not None:
            scale = scale.reshape([-1 if index == axis else 1 for index in range(levels.ndim)])
        # Parts that are no arrays of their own are too small to be listed: they are counted as they are written.
        for part in entry["parts"]:
            bits += 8 * stored[part["array"]] if "array" in part else 32 * scale.size
        signal += (weight * weight).sum()
        noise += ((weight - levels * scale) ** 2).sum()
        order0 += entropy_bits(levels)
        count += levels.size
    return 10 * np.log10(signal / noise), bits / count, order0 / count, int(count)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--layers", default="", help="endings of the weights' names; all without")
    parser.add_argument("--decibels", type=float, default=24.4)
    parser.add_argument("--states", default="1,4,8")
    parser.add_argument("--scope", default="model")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        whole, arrays = os.path.join(folder, "w.pith"), os.path.join(folder, "w.npz")
        run("pack", options.model, "-o", whole)
        run("unpack", whole, "-o", arrays)
        weights = dict(np.load(arrays))
        print("states    step  Mweights      dB    bits  order 0  bits at %.1f dB" % options.decibels)
        for states in (int(text) for text in options.states.split(",")):
            step = 0.21 if states == 1 else 0.12
            for _ in range(3):
                found = measure(options.model, weights, states, step, options.scope, options.layers, folder)
                if abs(found[0] - options.decibels) < 0.02:
                    break
                used, step = step, step * 10 ** ((found[0] - options.decibels) / 20)
            else:
                step = used
            decibels, bits, order0, count = found
            at = bits + (options.decibels - decibels) / 6.0206
            print(f"{states:6} {step:7.4f} {count / 1e6:9.2f} {decibels:7.3f} {bits:7.4f} {order0:8.4f} {at:8.4f}")
            model, path = os.path.join(folder, "m.onnx"), os.path.join(folder, "r.yaml")
            run("compress", options.model, "-o", model, "--recipe", path, "--profile", "none")
            lines = run("pack", model, "-o", os.path.join(folder, "c.pith"), "--compare").splitlines()
            print("       " + "\n       ".join(line for line in lines if line.startswith(("codec", "auto"))))


if __name__ == "__main__":
    main()
