"""Old models made new enough for the peers."""

import onnx

PER_CHANNEL = 13  # the first operator set with an axis for DequantizeLinear, so with weights per channel
BLOCKS = 21  # the first with blocks for DequantizeLinear, and with 4-bit integers
OLDEST_FILES = {PER_CHANNEL: 7, BLOCKS: 10}  # IR versions that know them


def raised(path, folder, wanted=PER_CHANNEL):
    """The model's path, or that of a copy in `folder` in the wanted operator set where the model is older."""
    model = onnx.load(path)
    version = next((o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), wanted)
    if version >= wanted:
        return path
    model = onnx.version_converter.convert_version(model, wanted)
    model.ir_version = max(model.ir_version, OLDEST_FILES[wanted])
    out = folder / f"opset-{wanted}.onnx"
    onnx.save(model, out)
    return out
