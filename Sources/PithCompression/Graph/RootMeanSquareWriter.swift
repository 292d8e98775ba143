import PithModel
import PithTensor

/// Writes root mean square normalizations with a weight in the order of operators that ONNX Runtime fuses into one.
///
/// The runtime looks for `Pow(x, 2)`, `ReduceMean`, `Add`, `Sqrt`, `Div` of `x`, `Mul`; exporters also write `x * x` for the
/// square, and `x * (1 / s)` for the quotient, which differs by one rounding.
enum RootMeanSquareWriter {
    /// Rewrites every graph of `model`; returns how many normalizations were changed.
    static func apply(to model: inout Model, trace: inout WeightTrace) -> Int {
        var names = NameSource(taken: model.graph.allNames), count = 0
        _ = model.rewriteGraphs(usesFacts: true) { graph, scope in
            guard scope.opset >= 7 else { return false }
            let facts = ShapeInference(scope: scope).facts(of: graph)
            let found = Found.all(in: graph, scope, facts)
            guard !found.isEmpty else { return false }
            let two = names.make("rms_exponent")
            graph.weights[two] = Weight(two, Tensor(scalar: Float(2)))
            trace.record([], into: [scope.path.qualified(two)], note: "a square", by: OperatorFuser.name)
            for norm in found {
                graph.nodes[norm.square].operation = "Pow"
                graph.nodes[norm.square].inputs = [norm.input, two]
                graph.nodes[norm.quotient].operation = "Div"
                graph.nodes[norm.quotient].inputs = [norm.input, norm.root]
            }
            count += found.count
            return true
        }
        return count
    }

    /// One normalization that is not written as the runtime wants it.
    private struct Found {
        let input: String
        /// The square root that the input is divided by.
        let root: String
        /// Positions of the nodes that make the square and the quotient.
        let square: Int
        let quotient: Int

        static func all(in graph: Graph, _ scope: GraphScope, _ facts: [String: ValueFact]) -> [Found] {
            let index = GraphIndex(graph)
            return graph.nodes.indices.compactMap { Found($0, Pattern(graph, scope, index), facts) }
        }

        /// The normalization whose last node, the product with the weight, is at `position`.
        private init?(_ position: Int, _ pattern: Pattern, _ facts: [String: ValueFact]) {
            guard pattern.graph.nodes[position].isStandard("Mul"),
                let (value, weight) = pattern.split(position, where: { $0.rank == 1 && $0.count > 1 }),
                weight.type == .float32, let quotient = pattern.maker(of: value, before: position),
                let (input, root) = pattern.quotient(at: quotient),
                let sum = pattern.maker(of: root.value, before: root.reader, named: "Sqrt"),
                let shifted = pattern.graph.nodes[sum].inputs.first,
                let add = pattern.maker(of: shifted, before: sum, named: "Add"),
                let (mean, _) = pattern.split(add, where: { $0.count == 1 && $0.rank <= 1 }),
                let reduce = pattern.maker(of: mean, before: add, named: "ReduceMean"),
                pattern.isOverLastAxis(reduce, rank: facts[input]?.dimensions?.count),
                let squared = pattern.graph.nodes[reduce].inputs.first,
                let square = pattern.maker(of: squared, before: reduce), pattern.isSquare(square, of: input),
                // The runtime's kernel takes no weight that is broadcast along the axis.
                facts[input]?.element == .float32, facts[input]?.dimensions?.last?.constant == weight.count
            else { return nil }
            let isWritten =
                pattern.graph.nodes[square].operation == "Pow" && pattern.graph.nodes[quotient].operation == "Div"
            guard !isWritten else { return nil }
            (self.input, self.root, self.square, self.quotient) = (input, root.value, square, quotient)
        }
    }
}

/// Looks at the parts of a normalization; every value between them has one reader.
private struct Pattern {
    let graph: Graph
    private let scope: GraphScope
    private let index: GraphIndex

    init(_ graph: Graph, _ scope: GraphScope, _ index: GraphIndex) {
        (self.graph, self.scope, self.index) = (graph, scope, index)
    }

    /// The node that makes `value` for the node at `reader` alone.
    func maker(of value: String, before reader: Int, named operation: String? = nil) -> Int? {
        guard index.onlyReader(of: value) == reader, let maker = index.producers[value],
            graph.nodes[maker].domain.isEmpty, operation.map({ graph.nodes[maker].operation == $0 }) ?? true
        else { return nil }
        return maker
    }

    /// The operands of a node with one constant float that `accepts` its shape: the other operand, and the constant.
    func split(_ position: Int, where accepts: (Shape) -> Bool) -> (value: String, constant: Tensor)? {
        let inputs = graph.nodes[position].inputs
        guard inputs.count == 2 else { return nil }
        for place in 0..<2 {
            guard let tensor = constant(inputs[place]), tensor.type == .float32, accepts(tensor.shape),
                constant(inputs[1 - place]) == nil
            else { continue }
            return (inputs[1 - place], tensor)
        }
        return nil
    }

    /// What is divided and by what, where the node at `position` is `x / s` or `x * (1 / s)`; `reader` is who reads `s`.
    func quotient(at position: Int) -> (input: String, root: (value: String, reader: Int))? {
        let node = graph.nodes[position]
        guard node.inputs.count == 2 else { return nil }
        if node.isStandard("Div") { return (node.inputs[0], (node.inputs[1], position)) }
        guard node.isStandard("Mul") else { return nil }
        for place in 0..<2 {
            guard let inverse = maker(of: node.inputs[place], before: position) else { continue }
            let candidate = graph.nodes[inverse]
            if candidate.isStandard("Reciprocal"), let root = candidate.inputs.first {
                return (node.inputs[1 - place], (root, inverse))
            }
            if candidate.isStandard("Div"), candidate.inputs.count == 2, isNumber(candidate.inputs[0], 1) {
                return (node.inputs[1 - place], (candidate.inputs[1], inverse))
            }
        }
        return nil
    }

    func isSquare(_ position: Int, of value: String) -> Bool {
        let node = graph.nodes[position]
        if node.isStandard("Mul") { return node.inputs == [value, value] }
        return node.isStandard("Pow") && node.inputs.first == value && node.inputs.count == 2
            && isNumber(node.inputs[1], 2)
    }

    /// Whether a `ReduceMean` keeps all axes and runs over the last.
    func isOverLastAxis(_ position: Int, rank: Int?) -> Bool {
        let node = graph.nodes[position]
        let listed = node.inputs.count > 1 ? constant(node.inputs[1])?.integers() : node.integers("axes")
        guard node.integer("keepdims", default: 1) == 1, let axes = listed, axes.count == 1 else { return false }
        return axes[0] == -1 || rank.map { axes[0] == $0 - 1 } ?? false
    }

    private func isNumber(_ name: String, _ number: Float) -> Bool {
        guard let tensor = constant(name), tensor.count == 1, tensor.shape.rank <= 1 else { return false }
        return tensor.floats()?.first == number
    }

    private func constant(_ name: String) -> Tensor? { scope.constant(name, in: graph)?.dense }
}
