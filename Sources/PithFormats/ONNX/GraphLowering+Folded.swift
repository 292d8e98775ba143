internal import PithModel
internal import PithTensor

extension GraphLowering {
    /// Decodes levels by operators that a runtime computes once, when it loads the model.
    ///
    /// | part | operators |
    /// | --- | --- |
    /// | levels of 8 bits and more | `Cast` |
    /// | levels of 4, 2 or 1 bits, several a byte | `BitShift` left and right, `Reshape`, `Cast`, and `Sub` for their sign |
    /// | levels of 3, 5, 6 or 7 bits | the same for runs of 4, 2 and 1 of their bits, `Mul` and `Add` |
    /// | codes into a table | the same in `int32`, `Gather` of the table |
    /// | zero points | the same, `Sub` |
    /// | scales | `Cast` when they are half floats, `Mul` |
    /// | blocks | `Reshape`; `Slice` where the last one is not full |
    mutating func lowerFolded(_ name: String, _ form: GroupedIntegers, table: Tensor? = nil) throws(FormatError) {
        try require(OperatorSets.folding(bits: form.levelBits), "folding of \(form.levelBits) bits", for: name)
        // Levels and zero points are cast before they are subtracted: a float holds 24 bits of each.
        if form.zeroPoints != nil, form.levels.type.bitWidth > 16 {
            throw unsupported(name, "zero points of \(form.levels.type.rawValue) levels can not be folded exactly.")
        }
        let layout = FoldedLayout(form)
        var value = table.map { entries(name, form, layout, $0) } ?? distances(name, form, layout)
        var scale = store(reshaped(form.scales, layout.scales), name, "_s")
        if form.scales.type != .float32 { scale = cast(scale) }
        value = finish("Mul", [value, scale], as: layout.levels == form.shape.dimensions ? name : nil)
        guard layout.levels != form.shape.dimensions else { return }
        guard let ragged = layout.ragged else {
            _ = finish("Reshape", [value, shape(form.shape.dimensions)], as: name)
            return
        }
        try require(10, "Slice of the last block", for: name)
        var dimensions = form.shape.dimensions
        dimensions[ragged.axis] = ragged.padded
        value = chain("Reshape", [value, shape(dimensions)])
        slice(value, axis: ragged.axis, to: form.shape.dimensions[ragged.axis], as: name)
    }

    /// Levels less their zero points, as floats.
    private mutating func distances(_ name: String, _ form: GroupedIntegers, _ layout: FoldedLayout) -> String {
        let codes = form.levelBits < 8 ? form.codes() : nil
        let value = levels(name, form, codes?.levels, layout, as: .float32)
        if let zeros = form.zeroPoints {
            let zero =
                codes?.zeroPoints.map { numbers($0, bits: form.levelBits, layout.scales, name, "_z", as: .float32) }
                ?? cast(store(reshaped(zeros, layout.scales), name, "_z"))
            return chain("Sub", [value, zero])
        }
        guard let codes, codes.offset != 0 else { return value }
        return chain("Sub", [value, shared("offset\(codes.offset)", Tensor(scalar: Float(codes.offset)))])
    }

    /// The entries of a table that the levels of `form` point to; older sets take such numbers in 32 bits only.
    private mutating func entries(
        _ name: String, _ form: GroupedIntegers, _ layout: FoldedLayout, _ table: Tensor
    ) -> String {
        let codes = form.levelBits < 8 ? form.codes().levels : nil
        let places = levels(name, form, codes, layout, as: .int32)
        return chain("Gather", [store(table, name, "_t"), places])
    }

    /// The levels of `form`, or the packed `codes` of fewer bits that stand for them, cast to `type`.
    private mutating func levels(
        _ name: String, _ form: GroupedIntegers, _ codes: [Int]?, _ layout: FoldedLayout, as type: ScalarType
    ) -> String {
        if let codes {
            let full = layout.ragged.map { padded(codes, form.shape, axis: $0.axis, to: $0.padded) } ?? codes
            return numbers(full, bits: form.levelBits, layout.levels, name, "_q", as: type)
        }
        let levels = layout.ragged.map { padded(form.levels, axis: $0.axis, to: $0.padded) } ?? form.levels
        return cast(store(reshaped(levels, layout.levels), name, "_q"), to: type)
    }

    /// Turns 16-bit floats into `float32`.
    mutating func lowerHalves(_ name: String, _ form: HalfFloats) throws(FormatError) {
        try require(form.numbers.type == .bfloat16 ? 13 : 6, "Cast of \(form.numbers.type.rawValue)", for: name)
        let toFloat = Attribute("to", .integer(Int64(ONNXType.code(.float32))))
        decoders.append(
            Node("Cast", inputs: [store(form.numbers, name, "_h")], outputs: [name], attributes: [toFloat]))
    }

    /// Reads the numbers of a palette: `Gather` of its values at the indices, which older sets take in 32 bits only.
    mutating func lowerPalette(_ name: String, _ form: Codebook) throws(FormatError) {
        try require(6, "Cast of uint8", for: name)
        let indices = store(form.indices, name, "_q"), values = store(form.values, name, "_v")
        decoders.append(Node("Gather", inputs: [values, cast(indices, to: .int32)], outputs: [name]))
    }

    // MARK: Numbers

    /// Codes of less than a byte as numbers of `type` in the shape `dimensions`.
    ///
    /// Three bits are two and one, five are four and one: each run of bits is packed by itself.
    private mutating func numbers(
        _ codes: [Int], bits: Int, _ dimensions: [Int], _ name: String, _ suffix: String, as type: ScalarType
    ) -> String {
        var value: String?, shift = 0
        for width in [4, 2, 1] where bits & width != 0 {
            let run = codes.map { $0 >> shift & (1 << width - 1) }
            var part = cast(unpacked(run, bits: width, dimensions, name, suffix), to: type)
            if shift > 0 { part = chain("Mul", [part, power(shift, type)]) }
            value = value.map { chain("Add", [$0, part]) } ?? part
            shift += width
        }
        guard let value else { preconditionFailure("Levels of \(bits) bits are cast, not unpacked.") }
        return value
    }

    /// Codes of 4, 2 or 1 bits taken out of bytes.
    ///
    /// Byte `i` of `m` holds the codes `i`, `i + m`, `i + 2m` ...: a shift to the left by a column of amounts sets
    /// each run of codes at the top of its bytes, one to the right brings it down.
    private mutating func unpacked(
        _ codes: [Int], bits: Int, _ dimensions: [Int], _ name: String, _ suffix: String
    ) -> String {
        let runs = 8 / bits, length = (codes.count + runs - 1) / runs
        var bytes = [UInt8](repeating: 0, count: length)
        for (index, code) in codes.enumerated() { bytes[index % length] |= UInt8(code << (index / length * bits)) }
        let packed = store(reshaped(Tensor(vector: bytes), [1, length]), name, suffix)
        let amounts = (0..<runs).map { UInt8(8 - bits * ($0 + 1)) }
        let left = shared("left\(bits)", reshaped(Tensor(vector: amounts), [runs, 1]))
        let right = shared("right\(bits)", Tensor(scalar: UInt8(8 - bits)))
        var value = chain("BitShift", [packed, left], [Attribute("direction", .string(Array("LEFT".utf8)))])
        value = chain("BitShift", [value, right], [Attribute("direction", .string(Array("RIGHT".utf8)))])
        if length * runs != codes.count {
            value = chain("Reshape", [value, shape([length * runs])])
            value = slice(value, axis: 0, to: codes.count)
        }
        return chain("Reshape", [value, shape(dimensions)])
    }

    /// The tensor with its `axis` filled up with zeros.
    private func padded(_ tensor: Tensor, axis: Int, to length: Int) -> Tensor {
        var dimensions = tensor.shape.dimensions
        dimensions[axis] = length
        guard let shape = try? Shape(dimensions),
            let result = try? Tensor(
                integers: padded(tensor.integers() ?? [], tensor.shape, axis: axis, to: length), as: tensor.type,
                shape: shape)
        else { preconditionFailure("Zeros are levels of \(tensor.type.rawValue).") }
        return result
    }

    /// The numbers of a tensor of `shape` with its `axis` filled up with zeros.
    private func padded(_ numbers: [Int], _ shape: Shape, axis: Int, to length: Int) -> [Int] {
        let (outer, old, inner) = shape.strides(around: axis)
        var all = [Int](repeating: 0, count: outer * length * inner)
        for block in 0..<outer {
            let source = block * old * inner, target = block * length * inner
            for offset in 0..<old * inner { all[target + offset] = numbers[source + offset] }
        }
        return all
    }

    // MARK: Nodes

    private mutating func cast(_ value: String, to type: ScalarType = .float32) -> String {
        chain("Cast", [value], [Attribute("to", .integer(Int64(ONNXType.code(type))))])
    }

    /// A constant of 2 to the power of `exponent`, which is `float32` or `int32`.
    private mutating func power(_ exponent: Int, _ type: ScalarType) -> String {
        let number = 1 << exponent
        return type == .int32
            ? shared("whole\(number)", Tensor(scalar: Int32(number)))
            : shared("times\(number)", Tensor(scalar: Float(number)))
    }

    @discardableResult
    private mutating func slice(_ value: String, axis: Int, to end: Int, as name: String? = nil) -> String {
        let bounds = [0, end, axis].map { shared("list\($0)", Tensor(vector: [Int64($0)])) }
        return finish("Slice", [value] + bounds, as: name)
    }

    private mutating func chain(_ operation: String, _ inputs: [String], _ attributes: [Attribute] = []) -> String {
        // Names of weights are long, and small models have many of these steps.
        let result = names.make("m", "\(decoders.count)")
        decoders.append(Node(operation, inputs: inputs, outputs: [result], attributes: attributes))
        return result
    }

    /// A node whose output is the weight `name` itself; a step on the way to it where that is nil.
    private mutating func finish(_ operation: String, _ inputs: [String], as name: String?) -> String {
        guard let name else { return chain(operation, inputs) }
        decoders.append(Node(operation, inputs: inputs, outputs: [name]))
        return name
    }

    private mutating func shape(_ dimensions: [Int]) -> String {
        shared("shape\(dimensions)", Tensor(vector: dimensions.map { Int64($0) }))
    }

    /// The name of a small constant that is stored once for the graph.
    private mutating func shared(_ key: String, _ tensor: Tensor) -> String {
        if let name = constants[key] { return name }
        let name = store(tensor, "unpack", "")
        constants[key] = name
        return name
    }
}
