"""Four layers of 512x512 with tanh between, whose weights have heavy tails: `python -m generators.heavy_tails FOLDER`.

Weights are drawn from Student's t with 4 degrees of freedom (variance 2), times `1 / sqrt(2 * 512)`, so that a layer keeps
the variance of its inputs; inputs are standard normal. A few large weights then set the scale of most blocks, which is
what makes 4 bits hard. Seeded: the same files in every call.
"""

import sys
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from generators import files

WIDTH, LAYERS, FREEDOM, SEED = 512, 4, 4, 2026
CALIBRATE, EVALUATE = 1024, 2048


def write(folder):
    random = np.random.default_rng(SEED)
    scale = 1 / np.sqrt(FREEDOM / (FREEDOM - 2) * WIDTH)
    nodes, weights, value = [], [], "x"
    for layer in range(LAYERS):
        weight = (random.standard_t(FREEDOM, (WIDTH, WIDTH)) * scale).astype(np.float32)
        weights.append(numpy_helper.from_array(weight, f"w{layer}"))
        last = layer == LAYERS - 1
        nodes.append(helper.make_node("MatMul", [value, f"w{layer}"], ["y" if last else f"m{layer}"], f"matmul{layer}"))
        if not last:
            nodes.append(helper.make_node("Tanh", [f"m{layer}"], [f"t{layer}"], f"tanh{layer}"))
            value = f"t{layer}"
    ends = [[helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", WIDTH])] for name in "xy"]
    graph = helper.make_graph(nodes, "heavy-tails", *ends, weights)
    rows = random.standard_normal((CALIBRATE + EVALUATE, WIDTH)).astype(np.float32)
    ranges = {"calibrate": [0, CALIBRATE], "evaluate": [CALIBRATE, CALIBRATE + EVALUATE]}
    return files.write(folder, graph, {"x": rows}, ranges)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
