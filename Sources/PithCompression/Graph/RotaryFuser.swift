import PithModel
import PithTensor

/// Gives rotary position embeddings that exporters wrote out to ONNX Runtime's `com.microsoft.RotaryEmbedding`.
///
/// ``RotaryPattern`` finds them. The operator wants its tables as `[positions, half the head]`, and its input as
/// `[batch, heads, positions, head]` or `[batch, positions, heads * head]`.
enum RotaryFuser {
    /// The domain of ONNX Runtime's own operators.
    static let domain = "com.microsoft"

    /// Rewrites every graph of `model`; returns how many embeddings were fused.
    static func apply(to model: inout Model, trace: inout WeightTrace) -> Int {
        var names = NameSource(taken: model.graph.allNames), count = 0
        _ = model.rewriteGraphs(usesFacts: true) { graph, scope in
            let found = RotaryPattern.all(in: graph, scope)
            guard !found.isEmpty else { return false }
            var writer = Writer(graph: graph, scope: scope, names: names)
            for position in graph.nodes.indices {
                if let pattern = found[position] { writer.write(pattern) } else { writer.keep(graph.nodes[position]) }
            }
            (graph, names) = (writer.written, writer.names)
            for event in writer.made {
                trace.record(event.sources, into: event.results, note: event.note, by: OperatorFuser.name)
            }
            count += found.count
            return true
        }
        return count
    }

    /// Writes the nodes of one graph anew.
    private struct Writer {
        private var graph: Graph
        private let scope: GraphScope
        var names: NameSource
        var made: [WeightTrace.Event] = []
        private var nodes: [Node] = []
        /// Tables as the operator wants them.
        private var tables: [Table: String] = [:]
        private let facts: [String: ValueFact]
        /// The position of the first number, 0.
        private var start: String?

        /// A value with the columns that are wanted of it.
        private struct Table: Hashable {
            let value: String
            let half: Int
        }

        init(graph: Graph, scope: GraphScope, names: NameSource) {
            (self.graph, self.scope, self.names) = (graph, scope, names)
            facts = ShapeInference(scope: scope).facts(of: graph)
        }

        var written: Graph {
            var graph = graph
            graph.nodes = nodes
            return graph
        }

        mutating func keep(_ node: Node) { nodes.append(node) }

        mutating func write(_ pattern: RotaryPattern) {
            let cosine = table(pattern.cosine, of: pattern), sine = table(pattern.sine, of: pattern)
            let first = start ?? parameter([0], base: "rotary_start")
            start = first
            var input = pattern.input, output = pattern.output
            if let heads = pattern.heads {
                input = names.make(pattern.input, "_joined")
                reshape(pattern.input, to: [0, 0, heads * pattern.half * 2], as: input)
            }
            if pattern.heads != nil || pattern.isInterleaved { output = names.make(pattern.output, "_joined") }
            nodes.append(
                Node(
                    "RotaryEmbedding", inputs: [input, first, cosine, sine], outputs: [output],
                    attributes: [Attribute("interleaved", .integer(pattern.isInterleaved ? 1 : 0))],
                    name: pattern.name, domain: RotaryFuser.domain))
            guard output != pattern.output else { return }
            let kept = pattern.heads.map { [0, 0, $0] } ?? [Int](repeating: 0, count: pattern.rank - 1)
            let last = pattern.isInterleaved ? [pattern.half, 2] : [pattern.half * 2]
            reshape(output, to: kept + last, as: pattern.output)
        }

        private mutating func reshape(_ input: String, to lengths: [Int], as output: String) {
            let shape = parameter(lengths, base: "\(output)_shape")
            nodes.append(Node("Reshape", inputs: [input, shape], outputs: [output]))
        }

        /// The table `value` as `[positions, half the head]`.
        private mutating func table(_ value: String, of pattern: RotaryPattern) -> String {
            let key = Table(value: value, half: pattern.half)
            if let known = tables[key] { return known }
            var name = value
            if let tensor = scope.constant(value, in: graph)?.dense {
                if tensor.shape.dimensions.last != pattern.half || tensor.shape.rank != 2 {
                    name = names.make(value, "_table")
                    graph.weights[name] = Weight(name, RotaryPattern.half(of: tensor, pattern.half))
                    made.append(
                        .init(
                            sources: [scope.sourceName(value, in: graph)], results: [scope.path.qualified(name)],
                            note: "a table of positions"))
                }
            } else if let rank = facts[value]?.dimensions?.count, rank > 2 {
                name = names.make(value, "_table")
                squeeze(value, axes: (0..<rank - 1).filter { $0 != rank - (pattern.heads == nil ? 2 : 3) }, as: name)
            }
            tables[key] = name
            return name
        }

        private mutating func squeeze(_ input: String, axes: [Int], as output: String) {
            var node = Node("Squeeze", inputs: [input], outputs: [output])
            if scope.opset >= 13 {
                node.inputs.append(parameter(axes, base: "\(output)_axes"))
            } else {
                node.attributes.append(Attribute("axes", .integers(axes.map { Int64($0) })))
            }
            nodes.append(node)
        }

        private mutating func parameter(_ numbers: [Int], base: String) -> String {
            let name = graph.addIntegers(numbers, base: base, names: &names)
            made.append(.init(sources: [], results: [scope.path.qualified(name)], note: "parameter of RotaryEmbedding"))
            return name
        }
    }
}
