import PithModel
import PithTensor

/// Why rounding with the help of data passes over a weight, which is then rounded for itself.
///
/// Data help where a weight is a matrix, or the kernels of a convolution, that inputs are multiplied with: their moments
/// say what each error costs. What else a weight may be is told here in the ledger's words.
struct LoneReasons: Sendable {
    private let graph: Graph
    private let readers: [String: [WeightReader]]
    private let roundsRecurrent: Bool

    /// Looks at the main graph of a model before its first weight is rounded.
    init(_ graph: Graph, roundsRecurrent: Bool) {
        self.graph = graph
        self.roundsRecurrent = roundsRecurrent
        readers = graph.weightReaders()
    }

    /// The reason for the weight of this qualified name.
    func reason(for name: String) -> String {
        guard let weight = graph.weights[name] else { return "its layer stands in a nested graph" }
        let places = readers[name] ?? []
        if places.contains(where: \.isNested) { return "it is read in a nested graph" }
        if let other = places.first(where: { $0.part == nil }) { return "\(other.label) reads it too, as no weight" }
        let tables = places.filter { $0.part?.layer == .table }
        if !tables.isEmpty {
            return tables.count == places.count
                ? "a table is looked up, not multiplied" : "\(tables[0].label) reads it as a table too"
        }
        if places.contains(where: { $0.part?.layer == .recurrent }) { return recurrentReason(name, places) }
        return productReason(name, weight, places)
    }

    private func recurrentReason(_ name: String, _ places: [WeightReader]) -> String {
        if !roundsRecurrent { return "the recipe asks for it" }
        if places.count > 1 { return "several layers read it" }
        let node = graph.nodes.first { $0.inputs.contains(name) }
        if let node, node.integer("layout", default: 0) != 0 { return "its layer has the batch first (layout 1)" }
        return "its inputs were not seen"
    }

    private func productReason(_ name: String, _ weight: Weight, _ places: [WeightReader]) -> String {
        if places.contains(where: { $0.operation == "ConvTranspose" }) {
            return "its layer is a transposed convolution"
        }
        if places.contains(where: { $0.operation == "MatMul" }), weight.shape.rank > 2 {
            return "it is a product of \(weight.shape.rank) axes"
        }
        let channels = places.compactMap(\.part).first.map { weight.shape.dimensions[$0.axis] }
        for node in graph.nodes where node.isStandard(oneOf: ["MatMul", "Gemm", "Conv"]) {
            guard let index = node.inputs.firstIndex(of: name) else { continue }
            if index == 0 { return "it is the left factor of \(node.label)" }
            if let reason = reason(of: node, channels: channels ?? 0) { return reason }
        }
        return "its layer is not of a form whose inputs data can tell of"
    }

    /// What about a convolution or a product with a constant matrix keeps its outputs from being wanted as they are.
    private func reason(of node: Node, channels: Int) -> String? {
        if graph.weights[node.inputs[0]] != nil { return "\(node.label) multiplies constants" }
        if node.isStandard("Gemm") {
            guard node.float("alpha", default: 1) == 1, node.float("beta", default: 1) == 1 else {
                return "\(node.label) has factors of its own (alpha, beta)"
            }
            guard node.integer("transA", default: 0) == 0 else { return "\(node.label) transposes its input" }
        }
        if node.inputs.count > 2, !node.inputs[2].isEmpty {
            let bias = graph.weights[node.inputs[2]]?.shape
            guard bias?.count == channels, bias?.dimensions.last == channels else {
                return "the bias of \(node.label) is no constant row"
            }
        }
        if let output = node.outputs.first, isCaptured(output) {
            return "a nested graph reads the output of \(node.label)"
        }
        return nil
    }

    /// Whether a nested graph reads this value.
    private func isCaptured(_ value: String) -> Bool {
        graph.nodes.contains { node in node.nestedGraphs.contains { $0.capturedNames.contains(value) } }
    }
}
