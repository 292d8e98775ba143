"""NNCodec on the weights of a model: nncodec_model.py WEIGHTS.npz as-is|unit QP TARGET.npz prints a JSON object.

Matrices and kernels are coded with its trellis, `unit` in root mean squares of their own; TARGET gets what comes back. Vectors (biases)
are left in float and counted as such.
"""

import json
import sys
import tempfile

import numpy as np

from .nncodec_levels import library


def main(path, kind, qp, target):
    nnc, loaded = library(), np.load(path)
    weights = {name: loaded[name] for name in loaded.files if loaded[name].ndim > 1}
    spread = {name: 1.0 for name in weights}
    if kind == "unit":
        spread = {name: float(np.sqrt((array.astype(np.float64) ** 2).mean())) or 1.0 for name, array in weights.items()}
    with tempfile.TemporaryDirectory() as folder:
        settings = {"qp": int(qp), "use_dq": True, "param_opt": True, "results": folder, "model": "model", "verbose": False}
        stream = nnc.encode({name: (array / spread[name]).astype(np.float32) for name, array in weights.items()}, settings)
        back = nnc.decode(stream)
    np.savez(target, **{name: (np.asarray(back[name], np.float64) * spread[name]).astype(np.float32) for name in weights})
    left = sum(loaded[name].nbytes for name in loaded.files if name not in weights)
    scales = 4 * len(weights) if kind == "unit" else 0
    print(json.dumps({"bytes": len(stream) + left + scales}))


if __name__ == "__main__":
    main(*sys.argv[1:])
