import PithModel
import PithTensor

/// Rules for attributes that became inputs.
extension OpsetUpgrader {
    /// `axes` of reductions and `Squeeze`: absent or empty means every axis, before and after.
    @Sendable static func optionalAxes(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        if let axes = try node.take(integers: "axes"), !axes.isEmpty {
            node.set(input: 1, to: bench.vector(axes, role: "axes"))
        }
        return [node]
    }

    @Sendable static func unsqueeze13(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard let axes = try node.take(integers: "axes") else { throw refusal(node, "it lacks its attribute 'axes'.") }
        node.set(input: 1, to: bench.vector(axes, role: "axes"))
        return [node]
    }

    @Sendable static func slice10(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard let starts = try node.take(integers: "starts"), let ends = try node.take(integers: "ends") else {
            throw refusal(node, "it lacks its attribute 'starts' or 'ends'.")
        }
        node.set(input: 1, to: bench.vector(starts, role: "starts"))
        node.set(input: 2, to: bench.vector(ends, role: "ends"))
        if let axes = try node.take(integers: "axes"), !axes.isEmpty {
            node.set(input: 3, to: bench.vector(axes, role: "axes"))
        }
        return [node]
    }

    @Sendable static func split13(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        if let lengths = try node.take(integers: "split"), !lengths.isEmpty {
            node.set(input: 1, to: bench.vector(lengths, role: "split"))
        }
        return [node]
    }

    /// Equal parts are asked for by their number.
    @Sendable static func split18(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        if node.inputs.count < 2 || node.inputs[1].isEmpty {
            node[attribute: "num_outputs"] = .integer(Int64(node.outputs.count))
        }
        return [node]
    }

    @Sendable static func topK10(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard case .integer(let count) = node[attribute: "k"] else {
            throw refusal(node, "it lacks its attribute 'k'.")
        }
        node[attribute: "k"] = nil
        node.set(input: 1, to: bench.vector([Int(count)], role: "k"))
        return [node]
    }

    @Sendable static func pad11(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard let pads = try node.take(integers: "pads") else { throw refusal(node, "it lacks its attribute 'pads'.") }
        let value = node.float("value", default: 0)
        node[attribute: "value"] = nil
        node.set(input: 1, to: bench.vector(pads, role: "pads"))
        guard value != 0, node.string("mode") ?? "constant" == "constant" else { return [node] }
        let (name, helpers) = try scalar(value, role: "value", for: node, with: &bench)
        node.set(input: 2, to: name)
        return helpers + [node]
    }

    /// Bounds left out keep their old default, the largest float32, in wider and narrower types as well.
    @Sendable static func clip11(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node, helpers: [Node] = []
        let limit = Float.greatestFiniteMagnitude
        for (index, bound) in [("min", -limit), ("max", limit)].enumerated() {
            let value = node.float(bound.0, default: bound.1)
            node[attribute: bound.0] = nil
            if value == bound.1, bench.facts.type(of: node.inputs.first ?? "") == .float32 { continue }
            let (name, made) = try scalar(value, role: bound.0, for: node, with: &bench)
            node.set(input: index + 1, to: name)
            helpers += made
        }
        return helpers + [node]
    }

    /// The axis became an input with another default.
    @Sendable static func fourier20(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        let axis = node.integer("axis", default: 1)
        node[attribute: "axis"] = nil
        node.set(input: 2, to: bench.scalar(axis, role: "axis"))
        return [node]
    }

    /// The name of a scalar with the element type of a node's first input, and the node that converts it to that type
    /// where it is not float32.
    private static func scalar(
        _ number: Float, role: String, for node: Node, with bench: inout Workbench
    ) throws(CompressionError) -> (name: String, helpers: [Node]) {
        let value = node.inputs.first ?? ""
        guard let type = bench.facts.type(of: value), let code = floatCode(of: type) else {
            throw refusal(
                node, "'\(role)' becomes an input with the type of '\(value)', which is not known or not a float type.",
                remedy: "Run shape inference over the model first, so that it states the types of its values.")
        }
        let name = bench.scalar(number, role: role)
        guard type != .float32 else { return (name, []) }
        let converted = bench.fresh(name, "_\(type.rawValue)")
        let cast = Node("Cast", inputs: [name], outputs: [converted], attributes: [Attribute("to", .integer(code))])
        return (converted, [cast])
    }

    /// ONNX code of a floating-point type of at least 16 bits.
    private static func floatCode(of type: ScalarType) -> Int64? {
        switch type {
        case .float32: 1
        case .float16: 10
        case .float64: 11
        case .bfloat16: 16
        default: nil
        }
    }

    /// The type of an ONNX code, for the types that old operators can hold.
    static func scalarType(code: Int) -> ScalarType? {
        switch code {
        case 1: .float32
        case 2: .uint8
        case 3: .int8
        case 4: .uint16
        case 5: .int16
        case 6: .int32
        case 7: .int64
        case 9: .bool
        case 10: .float16
        case 11: .float64
        case 12: .uint32
        case 13: .uint64
        case 16: .bfloat16
        default: nil
        }
    }
}

extension Node {
    /// Removes a list attribute and answers its integers, nil when the node does not state it.
    fileprivate mutating func take(integers name: String) throws(CompressionError) -> [Int]? {
        guard let value = self[attribute: name] else { return nil }
        guard case .integers(let integers) = value else {
            throw OpsetUpgrader.refusal(
                self, "its attribute '\(name)' is no list of integers.",
                remedy: "The file is damaged; export it again.")
        }
        self[attribute: name] = nil
        return integers.map { Int($0) }
    }

    /// Puts `name` at an input position; inputs left out before it stay so.
    mutating func set(input position: Int, to name: String) {
        while inputs.count <= position { inputs.append("") }
        inputs[position] = name
    }
}
