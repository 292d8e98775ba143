internal import PithModel
internal import PithTensor

/// Some bits of packed integers, which `BitShift` takes out of bytes.
struct PackedRun {
    let width: Int
    /// Bits of the integers below these.
    let shift: Int
    let source: StoredForm.Source
    /// The shape that the integers get.
    let dimensions: [Int]

    /// The runs that `value` is the sum of in `type`, the lowest bits first; nil when it is something else.
    static func runs(_ value: String, _ parts: FormParts, as type: ScalarType) -> [PackedRun]? {
        if let sum = parts.maker(of: value, "Add"), sum.inputs.count == 2 {
            guard let low = runs(sum.inputs[0], parts, as: type), let high = run(sum.inputs[1], parts, as: type) else {
                return nil
            }
            return low + [high]
        }
        return run(value, parts, as: type).map { [$0] }
    }

    private static func run(_ value: String, _ parts: FormParts, as type: ScalarType) -> PackedRun? {
        var value = value, shift = 0
        if let product = parts.maker(of: value, "Mul"), product.inputs.count == 2 {
            guard let factor = parts.scalar(product.inputs[1]),
                let bit = (1...6).first(where: { Double(1 << $0) == factor })
            else { return nil }
            (value, shift) = (product.inputs[0], bit)
        }
        guard let cast = parts.maker(of: value, "Cast"), parts.isCast(cast, to: type),
            let reshape = parts.maker(of: cast.inputs[0], "Reshape"), reshape.inputs.count == 2,
            let dimensions = parts.list(reshape.inputs[1]), let count = Shape.product(of: dimensions)
        else { return nil }
        var bytes = reshape.inputs[0]
        if let slice = parts.maker(of: bytes, "Slice"), slice.inputs.count == 4,
            let flat = parts.maker(of: slice.inputs[0], "Reshape"), parts.list(slice.inputs[1]) == [0],
            parts.list(slice.inputs[2]) == [count]
        {
            bytes = flat.inputs[0]
        }
        guard let right = parts.maker(of: bytes, "BitShift"), right.string("direction") == "RIGHT",
            right.inputs.count == 2, let left = parts.maker(of: right.inputs[0], "BitShift"),
            left.string("direction") == "LEFT", left.inputs.count == 2,
            let amounts = parts.list(flatten: left.inputs[1]),
            let packed = parts.tensor(left.inputs[0]), packed.type == .uint8, let top = amounts.first,
            parts.scalar(right.inputs[1]) == Double(top), let source = parts.source(named: left.inputs[0])
        else { return nil }
        guard [4, 6, 7].contains(top) else { return nil }
        let width = 8 - top
        guard amounts == (0..<8 / width).map({ 8 - width * ($0 + 1) }) else { return nil }
        let perByte = 8 / width
        guard packed.count == count / perByte + (count % perByte == 0 ? 0 : 1) else { return nil }
        return PackedRun(width: width, shift: shift, source: source, dimensions: dimensions)
    }
}

extension FormParts {
    /// The whole numbers of a short list or column.
    fileprivate func list(flatten name: String) -> [Int]? {
        guard let tensor = tensor(name), tensor.count <= 64 else { return nil }
        return tensor.integers()
    }
}
