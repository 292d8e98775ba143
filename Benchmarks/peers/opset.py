"""Old models made new enough for the peers."""

import onnx

OPSET = 13  # the first with an axis for DequantizeLinear, so with weights per channel


def raised(path, folder):
    """The model's path, or that of a copy in `folder` in opset 13 where the model is older."""
    model = onnx.load(path)
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), OPSET)
    if version >= OPSET:
        return path
    model = onnx.version_converter.convert_version(model, OPSET)
    model.ir_version = max(model.ir_version, 7)
    out = folder / "opset.onnx"
    onnx.save(model, out)
    return out
