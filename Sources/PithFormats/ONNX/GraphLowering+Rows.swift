internal import PithModel
internal import PithTensor

/// Values that products read with a scale for each row.
///
/// `x W = r ((x / r) W)` with `r = max|x|` along the last axis, so `x / r` lies in -1 to 1 whatever `x` is, and one scale that is
/// known beforehand serves all rows: the kernel is that of a calibrated activation.
///
/// - Error bound: `r / 254` for each number of a row, with 8 bits. A row with an infinite number becomes NaN.
/// - Reference: Yao et al., "ZeroQuant: Efficient and Affordable Post-Training Quantization for Large-Scale
///   Transformers", NeurIPS 2022, arXiv:2206.01861, section 4.1 (token-wise quantization of activations).
/// - Deviation: standard operators and a static kernel instead of kernels of its own.
extension GraphLowering {
    /// Puts `value`, divided by the largest magnitude of each row and rounded, into `nodes` for those that want it so.
    mutating func quantizeRows(
        _ value: String, _ format: ActivationFormat, called name: String, into nodes: inout [Node],
        _ readable: inout ReadableValues
    ) {
        guard !format.rowReaders.isEmpty else { return }
        let magnitudes = names.make(name, "_abs"), peaks = names.make(name, "_peak"), above = names.make(name, "_max")
        let share = names.make(name, "_share"), rounded = names.make(name, "_rd")
        var reduce = Node(
            "ReduceMax", inputs: [magnitudes], outputs: [peaks], attributes: [Attribute("keepdims", .integer(1))])
        if opset >= 18 {
            reduce.inputs.append(store(Tensor(vector: [Int64(-1)]), name, "_axis"))
        } else {
            reduce.attributes.append(Attribute("axes", .integers([-1])))
        }
        // A row of zeros is divided by the smallest normal number instead of 0.
        let least = store(Tensor(scalar: Float.leastNormalMagnitude), name, "_least")
        nodes.append(Node("Abs", inputs: [value], outputs: [magnitudes]))
        nodes.append(reduce)
        nodes.append(Node("Max", inputs: [peaks, least], outputs: [above]))
        nodes.append(Node("Div", inputs: [value, above], outputs: [share]))
        quantize(share, GraphLowering.rowFormat(format.type), as: rounded, called: share, into: &nodes)
        for reader in format.rowReaders {
            readable.own[reader, default: [:]][name] = rounded
            readable.peaks[reader] = above
        }
    }

    /// The format of numbers from -1 to 1 in `type`, an integer type of 8 or 16 bits.
    static func rowFormat(_ type: ScalarType) -> ActivationFormat {
        let range = type.integerRange ?? -128...127, zeroPoint = (range.lowerBound + range.upperBound + 1) / 2
        return ActivationFormat(
            type: type, scale: 1 / Float(range.upperBound - zeroPoint), zeroPoint: zeroPoint)
    }

    /// Multiplies what the last of `nodes` makes by its rows' largest magnitudes, if it read them divided.
    mutating func scaleRows(of nodes: inout [Node], _ readable: ReadableValues) {
        let last = nodes.count - 1
        guard let output = nodes[last].outputs.first, let peaks = readable.peaks[output] else { return }
        let share = names.make(output, "_share")
        nodes[last].outputs[0] = share
        nodes.append(Node("Mul", inputs: [share, peaks], outputs: [output]))
    }

    /// Whether only nodes whose first outputs are `readers` read `value`.
    func isReadBy(_ readers: Set<String>, alone value: String) -> Bool {
        guard !readers.isEmpty, !graph.outputs.contains(where: { $0.name == value }) else { return false }
        return graph.nodes.allSatisfy { node in
            !node.readNames.contains(value)
                || !node.hasNestedGraphs && node.outputs.first.map(readers.contains) ?? false
        }
    }
}
