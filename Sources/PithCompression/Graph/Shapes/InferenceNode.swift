import PithModel
import PithTensor

/// A node with what is known of its inputs, as the rules of shape inference see it.
struct InferenceNode {
    let node: Node
    /// Facts about the inputs; nil for an optional input left out.
    let inputs: [ValueFact?]
    /// Version of the standard operator set.
    let opset: Int
    /// The graph the node stands in; makes the names of new symbols unique.
    let path: GraphPath
    /// The dense constant a name stands for.
    let constant: (String) -> Tensor?

    /// Whether the input is given at all.
    func has(_ index: Int) -> Bool { index < inputs.count && inputs[index] != nil }

    func fact(_ index: Int) -> ValueFact? { index < inputs.count ? inputs[index] : nil }

    func element(_ index: Int = 0) -> ScalarType? { fact(index)?.element }

    func dimensions(_ index: Int = 0) -> [Extent]? { fact(index)?.dimensions }

    func content(_ index: Int) -> [Extent?]? { fact(index)?.content }

    /// The numbers of an input tensor of integers, when all are known.
    func integers(_ index: Int) -> [Int]? { fact(index)?.fixedContent }

    /// The numbers of a constant input as floats.
    func floats(_ index: Int) -> [Float]? {
        guard has(index), let tensor = constant(node.inputs[index]), tensor.count <= ValueFact.contentLimit else {
            return nil
        }
        return tensor.floats()
    }

    /// A list of integers that older operator sets keep in an attribute and newer ones in an input.
    ///
    /// - Returns: `.none` when neither is given, `.unknown` when the input is not constant.
    func list(_ attribute: String, orInput index: Int) -> Listed {
        if let stated = node.integers(attribute) { return .known(stated) }
        guard has(index) else { return .absent }
        return integers(index).map(Listed.known) ?? .unknown
    }

    enum Listed {
        case known([Int]), unknown, absent
    }

    /// A length nothing is known of.
    func fresh(_ axis: Int, output: Int = 0) -> Extent {
        let name = output < node.outputs.count ? node.outputs[output] : ""
        return Extent(symbol: "\(path.qualified(name)):\(output):\(axis)")
    }

    /// As many unknown lengths.
    func fresh(rank: Int, output: Int = 0) -> [Extent] { (0..<rank).map { fresh($0, output: output) } }

    /// An axis attribute counted from the front, nil when it lies outside.
    func axis(_ name: String = "axis", default standard: Int, rank: Int) -> Int? {
        InferenceNode.resolve(node.integer(name, default: standard), rank: rank)
    }

    static func resolve(_ axis: Int, rank: Int) -> Int? {
        let index = axis < 0 ? axis + rank : axis
        return (0..<rank).contains(index) ? index : nil
    }

    /// Axes counted from the front in ascending order, nil when one lies outside.
    static func resolve(_ axes: [Int], rank: Int) -> [Int]? {
        let resolved = axes.compactMap { resolve($0, rank: rank) }
        return resolved.count == axes.count ? Array(Set(resolved)).sorted() : nil
    }

    /// The lengths both shapes are stretched to.
    func broadcast(_ left: [Extent], _ right: [Extent]) -> [Extent] {
        let rank = max(left.count, right.count)
        return (0..<rank).map { axis in
            let a = axis - (rank - left.count), b = axis - (rank - right.count)
            let first = a >= 0 ? left[a] : Extent(1), second = b >= 0 ? right[b] : Extent(1)
            if first == second || second.constant == 1 || second.isLeast(of: first) { return first }
            if first.constant == 1 || first.isLeast(of: second) { return second }
            if first.isAtLeast(2) || first.constant == 0 { return first }
            if second.isAtLeast(2) || second.constant == 0 { return second }
            return fresh(axis)
        }
    }

    /// The lengths all inputs in `range` are stretched to, nil when the rank of one is unknown.
    func broadcast(inputs range: Range<Int>) -> [Extent]? {
        // Before opset 7 operators stretched their second input only, along axes that an attribute names.
        guard opset >= 7 else { return dimensions(range.lowerBound) }
        var result: [Extent]?
        for index in range {
            guard let next = dimensions(index) else { return nil }
            result = result.map { broadcast($0, next) } ?? next
        }
        return result
    }
}

/// How the outputs of an operator follow from what is known of its inputs.
typealias ShapeRule = @Sendable (InferenceNode) -> [ValueFact]

/// The rules of all operators of the standard set that Pith knows.
enum ShapeRules {
    static let all: [String: ShapeRule] = [elementwise, contents, movement, reductions, layers, indexing]
        .reduce(into: [:]) { $0.merge($1) { first, _ in first } }
}
