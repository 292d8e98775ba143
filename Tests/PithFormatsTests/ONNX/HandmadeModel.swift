import PithFormats
import PithModel
import PithTensor

/// An ONNX file written by hand, from encoded parts.
struct HandmadeModel {
    /// Element types by their numbers in ONNX files.
    static let float32 = 1, int64 = 7, string = 8, bool = 9

    var nodes: [[UInt8]] = []
    var weights: [[UInt8]] = []
    var sparse: [[UInt8]] = []
    var inputs: [[UInt8]] = []
    var outputs: [[UInt8]] = []
    var opset = 21
    var formatVersion = 10
    /// Encoded fields at the end of the graph and of the model.
    var graphExtra: [UInt8] = []
    var extra: [UInt8] = []
    /// Further operator sets.
    var domains: [String] = []

    mutating func node(
        _ operation: String, _ inputs: [String], _ outputs: [String], _ more: (inout ProtoWriter) -> Void = { _ in }
    ) {
        nodes.append(HandmadeModel.node(operation, inputs, outputs, more))
    }

    static func node(
        _ operation: String, _ inputs: [String], _ outputs: [String], _ more: (inout ProtoWriter) -> Void = { _ in }
    ) -> [UInt8] {
        ProtoWriter.bytes { wire in
            for input in inputs { wire.text(1, input) }
            for output in outputs { wire.text(2, output) }
            wire.text(4, operation)
            more(&wire)
        }
    }

    static func tensor(
        _ name: String, type: Int, _ lengths: [Int], _ content: (inout ProtoWriter) -> Void
    ) -> [UInt8] {
        ProtoWriter.bytes { wire in
            for length in lengths { wire.number(1, length) }
            wire.number(2, type)
            if !name.isEmpty { wire.text(8, name) }
            content(&wire)
        }
    }

    /// A tensor whose numbers lie in another file, where `properties` say.
    static func external(
        _ name: String, type: Int = float32, _ lengths: [Int], _ properties: [(String, String)]
    ) -> [UInt8] {
        tensor(name, type: type, lengths) { wire in
            for (key, value) in properties {
                wire.message(13) { entry in
                    entry.text(1, key)
                    entry.text(2, value)
                }
            }
            wire.number(14, 1)
        }
    }

    static func value(_ name: String, type: Int, _ lengths: [Int]) -> [UInt8] {
        ProtoWriter.bytes { wire in
            wire.text(1, name)
            wire.message(2) { type_ in
                type_.message(1) { tensor in
                    tensor.number(1, type)
                    tensor.message(2) { shape in
                        for length in lengths { shape.message(1) { $0.number(1, length) } }
                    }
                }
            }
        }
    }

    /// A sparse float32 weight with the value 1.5 in its first place.
    static func sparseWeight(_ name: String, _ lengths: [Int]) -> [UInt8] {
        ProtoWriter.bytes { wire in
            wire.data(1, tensor(name, type: float32, [1]) { $0.data(9, littleEndian([1.5])) })
            wire.data(2, tensor("", type: int64, [1]) { $0.data(7, [0]) })
            for length in lengths { wire.number(3, length) }
        }
    }

    /// The encoded graph.
    var graph: [UInt8] {
        ProtoWriter.bytes { graph in
            for node in nodes { graph.data(1, node) }
            graph.text(2, "g")
            for weight in weights { graph.data(5, weight) }
            for input in inputs { graph.data(11, input) }
            for output in outputs { graph.data(12, output) }
            for weight in sparse { graph.data(15, weight) }
        } + graphExtra
    }

    /// The file.
    var bytes: [UInt8] {
        ProtoWriter.bytes { model in
            model.number(1, formatVersion)
            model.data(7, graph)
            model.message(8) { $0.number(2, opset) }
            for domain in domains {
                model.message(8) { set in
                    set.text(1, domain)
                    set.number(2, 1)
                }
            }
        } + extra
    }

    func read() throws(FormatError) -> Model { try ONNXReader.read(Storage(bytes), path: "handmade.onnx") }

    /// A model of one weight, `w`, which is also the output.
    static func holding(_ tensor: [UInt8]) -> HandmadeModel {
        var model = HandmadeModel()
        model.weights = [tensor]
        return model
    }

    /// `y = x * w + b` with a few more of what files have: 300 bytes.
    static var small: HandmadeModel {
        var model = HandmadeModel()
        model.inputs = [value("x", type: float32, [1, 4])]
        model.weights = [
            tensor("w", type: float32, [4, 5]) { $0.data(9, littleEndian((0..<20).map { Float($0) })) },
            tensor("b", type: float32, [5]) { $0.data(4, littleEndian([1, 2, 3, 4, 5])) },
            tensor("s", type: int64, [2]) { $0.data(7, [5, 1]) },
        ]
        model.node("MatMul", ["x", "w"], ["m"]) { $0.text(3, "first") }
        model.node("Add", ["m", "b"], ["a"])
        model.node("Reshape", ["a", "s"], ["y"]) { node in
            node.message(5) { attribute in
                attribute.text(1, "allowzero")
                attribute.number(3, 1)
                attribute.number(20, 2)
            }
        }
        model.outputs = [value("y", type: float32, [5, 1])]
        return model
    }
}
