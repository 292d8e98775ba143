import PithModel
import PithTensor

/// Every place of a main graph that reads its `float32` constants, whether as they are stored or transposed by a node.
struct ConstantReaders {
    /// An input of a node.
    struct Place: Hashable, Sendable, Comparable {
        /// Position of the node.
        let node: Int
        /// Which of its inputs.
        let input: Int

        static func < (left: Place, right: Place) -> Bool { (left.node, left.input) < (right.node, right.input) }
    }

    /// The constant behind a value.
    struct Source: Hashable, Sendable {
        let name: String
        /// The tensor as nodes see it has its two axes the other way round.
        let isTransposed: Bool
        /// Axis lengths as nodes see them.
        let lengths: [Int]

        /// The stored axis of an axis as it is seen.
        func stored(_ axis: Int) -> Int { isTransposed ? 1 - axis : axis }
    }

    private var sources: [String: Source] = [:]
    private var places: [String: [Place]] = [:]
    private var exposed: Set<String> = []

    /// Looks at every node of `graph` once.
    init(_ graph: Graph) {
        for weight in graph.constants where weight.dense?.type == .float32 {
            sources[weight.name] = Source(
                name: weight.name, isTransposed: false, lengths: weight.shape.dimensions)
        }
        let outputs = Set(graph.outputs.map(\.name))
        var captured: Set<String> = []
        for node in graph.nodes { for nested in node.nestedGraphs { captured.formUnion(nested.capturedNames) } }
        for (position, node) in graph.nodes.enumerated() {
            if let source = node.inputs.first.flatMap({ sources[$0] }), let output = node.outputs.first,
                let turned = ConstantReaders.turned(source, by: node), !outputs.contains(output),
                !captured.contains(output)
            {
                sources[output] = turned
                continue
            }
            for (input, value) in node.inputs.enumerated() {
                guard let source = sources[value] else { continue }
                places[source.name, default: []].append(Place(node: position, input: input))
            }
        }
        for name in outputs.union(captured) {
            if let source = sources[name] { exposed.insert(source.name) }
        }
    }

    private static func turned(_ source: Source, by node: Node) -> Source? {
        guard node.isStandard("Transpose"), source.lengths.count == 2, !source.isTransposed,
            node.integers("perm") ?? [1, 0] == [1, 0]
        else { return nil }
        return Source(name: source.name, isTransposed: true, lengths: source.lengths.reversed())
    }

    /// The constant that a value is; nil for what is no `float32` constant of the graph.
    func source(of value: String) -> Source? { sources[value] }

    /// The places that read a constant; nil when nested graphs or the caller see it too.
    func places(of constant: String) -> [Place]? { exposed.contains(constant) ? nil : places[constant] ?? [] }
}
