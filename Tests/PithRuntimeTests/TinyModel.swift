/// Protobuf wire bytes, written field by field.
struct Wire {
    var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func number(_ field: Int, _ value: Int) {
        varint(UInt64(field << 3))
        varint(UInt64(bitPattern: Int64(value)))
    }

    mutating func data(_ field: Int, _ content: [UInt8]) {
        varint(UInt64(field << 3 | 2))
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func text(_ field: Int, _ content: String) { data(field, Array(content.utf8)) }

    mutating func message(_ field: Int, _ build: (inout Wire) -> Void) {
        var inner = Wire()
        build(&inner)
        data(field, inner.bytes)
    }
}

/// A small ONNX model, written by hand.
struct TinyModel {
    /// Element types by their numbers in ONNX files.
    static let float32 = 1, int64 = 7, string = 8

    /// One axis length.
    enum Axis {
        case fixed(Int)
        case named(String)
        case open
    }

    private var nodes: [[UInt8]] = []
    private var weights: [[UInt8]] = []
    private var inputs: [[UInt8]] = []
    private var outputs: [[UInt8]] = []
    var opset = 17
    var formatVersion = 8

    mutating func node(_ operation: String, _ inputs: [String], _ outputs: [String], name: String = "") {
        var wire = Wire()
        for input in inputs { wire.text(1, input) }
        for output in outputs { wire.text(2, output) }
        wire.text(3, name)
        wire.text(4, operation)
        nodes.append(wire.bytes)
    }

    mutating func weight(_ name: String, type: Int, _ lengths: [Int], _ raw: [UInt8]) {
        weights.append(TinyModel.tensor(name, type: type, lengths) { $0.data(9, raw) })
    }

    /// A weight whose bytes lie in the file `location` beside the model.
    mutating func externalWeight(_ name: String, type: Int, _ lengths: [Int], location: String) {
        let wire = TinyModel.tensor(name, type: type, lengths) { wire in
            wire.message(13) { entry in
                entry.text(1, "location")
                entry.text(2, location)
            }
            wire.number(14, 1)
        }
        weights.append(wire)
    }

    private static func tensor(
        _ name: String, type: Int, _ lengths: [Int], _ content: (inout Wire) -> Void
    ) -> [UInt8] {
        var wire = Wire()
        for length in lengths { wire.number(1, length) }
        wire.number(2, type)
        wire.text(8, name)
        content(&wire)
        return wire.bytes
    }

    mutating func input(_ name: String, type: Int, _ axes: [Axis]) {
        inputs.append(TinyModel.value(name) { TinyModel.tensorType(&$0, type, axes) })
    }

    mutating func output(_ name: String, type: Int, _ axes: [Axis]) {
        outputs.append(TinyModel.value(name) { TinyModel.tensorType(&$0, type, axes) })
    }

    /// An output that is a sequence (field 4) or an optional (field 9) of tensors.
    mutating func output(_ name: String, wrapper: Int, of type: Int, _ axes: [Axis]) {
        outputs.append(
            TinyModel.value(name) { wire in
                wire.message(wrapper) { outer in outer.message(1) { TinyModel.tensorType(&$0, type, axes) } }
            })
    }

    private static func value(_ name: String, _ type: (inout Wire) -> Void) -> [UInt8] {
        var wire = Wire()
        wire.text(1, name)
        wire.message(2, type)
        return wire.bytes
    }

    private static func tensorType(_ wire: inout Wire, _ type: Int, _ axes: [Axis]) {
        wire.message(1) { tensor in
            tensor.number(1, type)
            tensor.message(2) { shape in
                for axis in axes {
                    shape.message(1) { dimension in
                        switch axis {
                        case .fixed(let length): dimension.number(1, length)
                        case .named(let name): dimension.text(2, name)
                        case .open: break
                        }
                    }
                }
            }
        }
    }

    /// The file.
    var bytes: [UInt8] {
        var model = Wire()
        model.number(1, formatVersion)
        model.message(7) { graph in
            for node in nodes { graph.data(1, node) }
            graph.text(2, "tiny")
            for weight in weights { graph.data(5, weight) }
            for input in inputs { graph.data(11, input) }
            for output in outputs { graph.data(12, output) }
        }
        model.message(8) { set in
            set.text(1, "")
            set.number(2, opset)
        }
        return model.bytes
    }

    /// Little-endian bytes of floats.
    static func raw(_ values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32($0 * 8)) } }
    }

    /// `y = x + [10, 20, 30]` over `x: [batch, 3]`, and `z = -y`.
    static var sum: TinyModel {
        var model = TinyModel()
        model.input("x", type: float32, [.named("batch"), .fixed(3)])
        model.weight("w", type: float32, [3], raw([10, 20, 30]))
        model.node("Add", ["x", "w"], ["y"], name: "add")
        model.node("Neg", ["y"], ["z"], name: "negate")
        model.output("y", type: float32, [.named("batch"), .fixed(3)])
        model.output("z", type: float32, [.open, .fixed(3)])
        return model
    }

    /// `y = x`, for one element type.
    static func identity(type: Int, _ axes: [Axis], opset: Int = 17, formatVersion: Int = 8) -> TinyModel {
        var model = TinyModel()
        model.opset = opset
        model.formatVersion = formatVersion
        model.input("x", type: type, axes)
        model.node("Identity", ["x"], ["y"])
        model.output("y", type: type, axes)
        return model
    }
}
