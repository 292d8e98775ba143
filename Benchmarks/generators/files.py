"""Writes a made model with its data and its card: NAME.onnx, NAME.npz, NAME.yaml."""

import numpy as np
import onnx
import yaml


def write(folder, graph, inputs, ranges, opset=17):
    """`inputs` gives the rows of each input, `ranges` those to calibrate on and to evaluate; returns model and card."""
    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", opset)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    paths = [folder / f"{graph.name}.{kind}" for kind in ("onnx", "npz", "yaml")]
    onnx.save(model, paths[0])
    np.savez(paths[1], **inputs)
    card = {"inputs": {name: {"file": paths[1].name, "array": name} for name in inputs}, "metric": "fidelity"} | ranges
    paths[2].write_text(yaml.safe_dump(card, sort_keys=False))
    return paths[0], paths[2]
