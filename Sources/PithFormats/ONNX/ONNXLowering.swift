public import PithModel
import PithTensor

/// Expresses stored forms and activation formats in operators of the ONNX standard.
///
/// | what | becomes | opset |
/// | --- | --- | --- |
/// | integers for integer kernels | `DequantizeLinear` with the weight's name as its output | 10, per channel 13, in blocks 21 |
/// | integers folded at load | `Cast`, (`Sub`,) `Mul`, and for blocks `Reshape` and `Slice` | 7 |
/// | the same of 4 or 2 bits | `BitShift` twice, `Reshape` before it | 11 |
/// | integers that point into a table | the same, and `Gather` of the table before `Mul` | 7, below 8 bits 11 |
/// | 16-bit floats | `Cast` | 6, bfloat16 13 |
/// | integer rows of a table that `Gather` reads | `Gather` of levels and scales, `Cast`, `Mul` | 7 |
/// | integers with activations rounded at run time, read by `MatMul` or `Gemm` | `DynamicQuantizeLinear`, `MatMulInteger`, `Cast`, `Mul`(, `Add`) | 11 |
/// | the same, read by `LSTM` | ONNX Runtime's `com.microsoft.DynamicQuantizeLSTM` | 7 |
/// | matrices in blocks that `MatMul` or `Gemm` reads | ONNX Runtime's `com.microsoft.MatMulNBits`(, `Add`) | 7 |
/// | activation format | `QuantizeLinear`, `DequantizeLinear` after the value; all readers take the second | 10 |
///
/// `DequantizeLinear` knows levels of 4 and of 16 bits from operator set 21 on and those of 2 bits from 25.
///
/// Every expression computes `(level - zeroPoint) * scale` (or `table[code] * scale`) with one rounding, so that it equals
/// `Representation.decoded()` bit for bit.
public enum ONNXLowering {
    /// The model with dense weights and standard operators only.
    ///
    /// - Throws: `FormatError` `.unsupported` for a form that the model's operator set can not express.
    public static func lowered(_ model: Model) throws(FormatError) -> Model {
        var model = model, failure: FormatError?
        var kernels = KernelLowering(model)
        try kernels.lower(&model)
        var names = kernels.names
        let opset = model.opset
        model.graph.updateEachGraph { graph, _ in
            guard failure == nil else { return }
            var lowering = GraphLowering(graph: graph, opset: opset, names: names)
            do throws(FormatError) { graph = try lowering.lowered() } catch { failure = error }
            names = lowering.names
        }
        if let failure { throw failure }
        return model
    }

    /// Bytes of the constants that the activation formats of `graph` become: scales, zero points, and what the operators around
    /// them read.
    ///
    /// - Throws: `FormatError` `.unsupported` for a type that `opset` has no operator for.
    package static func activationByteCount(of graph: Graph, opset: Int) throws(FormatError) -> Int {
        var lowering = GraphLowering(graph: graph, opset: opset, names: NameSource(taken: graph.allNames))
        try lowering.lowerActivations()
        let before = graph.weights.reduce(0) { $0 + $1.byteCount }
        return lowering.graph.weights.reduce(0) { $0 + $1.byteCount } - before
    }
}
