"""Sequence classifiers of two recurrent layers and a linear one: `python -m generators.recurrent FOLDER`.

`gru` has 37 K weights, `lstm` 126 K. Weights are drawn as frameworks draw them for training (uniform within
`1 / sqrt(units)`); `gru-strong` is `gru` with the weights of the recurrence doubled, so that errors live longer. Inputs are
smooth: random walks that decay. A batch of one, as such models run on devices. Seeded: the same files in every call.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from generators import files

STEPS, CLASSES = 50, 10
CALIBRATE, EVALUATE = 128, 512


@dataclass(frozen=True)
class Layout:
    """What tells the models apart."""

    operator: str
    gates: int
    features: int
    units: int
    seed: int
    recurrence: float = 1  # times what frameworks draw


LAYOUTS = {
    "gru": Layout("GRU", 3, 24, 60, 2027),
    "gru-strong": Layout("GRU", 3, 24, 60, 2027, 2),
    "lstm": Layout("LSTM", 4, 40, 96, 2028),
}


def layer(layout, index, value, random):
    """Nodes and weights of one recurrent layer; the second leaves its last state only."""
    units, width = layout.units, layout.features if index == 0 else layout.units
    bound, rows = 1 / np.sqrt(units), layout.gates * units
    arrays = {
        "w": random.uniform(-bound, bound, (1, rows, width)),
        "r": random.uniform(-bound, bound, (1, rows, units)) * layout.recurrence,
        "b": random.uniform(-bound, bound, (1, 2 * rows)),
    }
    weights = [numpy_helper.from_array(v.astype(np.float32), f"{k}{index}") for k, v in arrays.items()]
    names = [value, *(w.name for w in weights)]
    settings = {"hidden_size": units} | ({"linear_before_reset": 1} if layout.operator == "GRU" else {})
    outputs, squeezed = ([f"s{index}"], "s0") if index == 0 else (["", f"s{index}"], "s1")
    axis = 1 if index == 0 else 0
    nodes = [
        helper.make_node(layout.operator, names, outputs, f"{layout.operator.lower()}{index}", **settings),
        helper.make_node("Squeeze", [squeezed, f"axis{index}"], [f"h{index}"], f"squeeze{index}"),
    ]
    return nodes, [*weights, numpy_helper.from_array(np.array([axis]), f"axis{index}")], f"h{index}"


def write(folder, name):
    layout = LAYOUTS[name]
    random = np.random.default_rng(layout.seed)
    nodes, weights, value = [helper.make_node("Transpose", ["x"], ["steps"], "transpose", perm=[1, 0, 2])], [], "steps"
    for index in range(2):
        more, arrays, value = layer(layout, index, value, random)
        nodes, weights = nodes + more, weights + arrays
    bound = 1 / np.sqrt(layout.units)
    head = random.uniform(-bound, bound, (layout.units, CLASSES)).astype(np.float32)
    nodes.append(helper.make_node("MatMul", [value, "head"], ["y"], "classify"))
    graph = helper.make_graph(
        nodes, name, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, STEPS, layout.features])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CLASSES])], [*weights, numpy_helper.from_array(head, "head")],
    )  # fmt: skip
    ranges = {"batch": 1, "calibrate": [0, CALIBRATE], "evaluate": [CALIBRATE, CALIBRATE + EVALUATE]}
    return files.write(folder, graph, {"x": inputs(layout, random)}, ranges)


def inputs(layout, random):
    """Rows of `x(t) = 0.9 x(t-1) + normal noise`, with unit variance."""
    noise = random.standard_normal((CALIBRATE + EVALUATE, STEPS, layout.features)) * np.sqrt(1 - 0.9**2)
    walk = np.zeros_like(noise)
    for step in range(STEPS):
        walk[:, step] = 0.9 * walk[:, step - 1] + noise[:, step] if step else noise[:, step] / np.sqrt(1 - 0.9**2)
    return walk.astype(np.float32)


if __name__ == "__main__":
    for each in LAYOUTS:
        write(Path(sys.argv[1]), each)
