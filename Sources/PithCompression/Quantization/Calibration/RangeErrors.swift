import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Measures what several formats of each activation do to the outputs of the nodes that read it, everything else in float.
///
/// Every reader stands once more in the measured graph for each format, reading the rounded activation; the graph itself adds up
/// the squares of the differences. All is measured in one run over the data.
struct RangeErrors {
    /// One activation with the formats to be compared.
    struct Question {
        let value: String
        let formats: [ActivationFormat]
    }

    private let graph: Graph
    private let index: GraphIndex
    private let model: Model
    private var copies: [Node] = []
    private var names: NameSource
    private var formats: [String: ActivationFormat] = [:]
    /// Outputs that hold a sum of squares: of what is read in float, and for each format of the difference.
    private var sums: [[(signal: String, noises: [String])]] = []

    /// Readers whose outputs tell more than the activation itself does.
    private static let computing: Set<String> = [
        "Conv", "Gemm", "MatMul", "Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "LeakyRelu", "Sigmoid",
    ]
    /// Rows that are looked at, at most, and at a time.
    private static let mostRows = 32, largestBatch = 4

    init(_ model: Model, questions: [Question]) {
        self.model = model
        graph = model.graph
        index = GraphIndex(graph)
        names = NameSource(taken: graph.allNames)
        for question in questions { sums.append(doubled(question)) }
    }

    /// For each question the error of each format: noise over signal, summed over the readers.
    ///
    /// - Throws: What runtime and data throw.
    func measure(source: any SampleSource, rows: Range<Int>) throws -> [[Double]] {
        var doubled = model
        doubled.graph.nodes += copies
        doubled.graph.activationFormats.merge(formats) { $1 }
        let wanted = sums.flatMap { $0.flatMap { [$0.signal] + $0.noises } }
        guard !wanted.isEmpty else { return [] }
        var options = SessionOptions()
        options.optimization = .basic
        let bytes = try ONNXWriter.encode(doubled.exposing(wanted))
        let session = try Session(bytes: bytes, name: "ranges", options: options)
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0)
            .limited(to: RangeErrors.largestBatch)
        let looked = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + RangeErrors.mostRows)
        var totals: [String: Double] = [:]
        try BatchRunner(source: source, plan: plan).run([session], outputs: [wanted], over: looked) { batch in
            for (name, tensor) in batch.outputs[0] { totals[name, default: 0] += Double(tensor.floats()?.first ?? 0) }
        }
        return sums.map { readers in
            (readers.first?.noises ?? []).indices.map { format in
                readers.reduce(0) { error, reader in
                    let signal = totals[reader.signal] ?? 0, noise = totals[reader.noises[format]] ?? 0
                    return signal > 0 ? error + noise / signal : error
                }
            }
        }
    }

    /// Adds the readers of one activation once more for each of its formats.
    private mutating func doubled(_ question: Question) -> [(signal: String, noises: [String])] {
        let readers = Set(index.readers[question.value] ?? []).sorted().filter { position in
            let node = graph.nodes[position]
            return node.isStandard(oneOf: RangeErrors.computing) && node.outputs.count == 1
        }
        let rounded = question.formats.map { format in
            let name = names.make(question.value, "_rounded")
            copies.append(Node("Identity", inputs: [question.value], outputs: [name]))
            formats[name] = format
            return name
        }
        guard !readers.isEmpty else {
            return [(squares(of: question.value), rounded.map { noise(question.value, $0) })]
        }
        return readers.map { position in
            let output = graph.nodes[position].outputs[0]
            return (squares(of: output), rounded.map { noise(output, read($0, for: question.value, by: position)) })
        }
    }

    /// A copy of a node that reads another value.
    private mutating func read(_ rounded: String, for value: String, by position: Int) -> String {
        var copy = graph.nodes[position]
        copy.name = ""
        copy.inputs = copy.inputs.map { $0 == value ? rounded : $0 }
        copy.outputs = [names.make(copy.outputs[0], "_rounded")]
        copies.append(copy)
        return copy.outputs[0]
    }

    private mutating func noise(_ exact: String, _ rounded: String) -> String {
        let difference = names.make(exact, "_difference")
        copies.append(Node("Sub", inputs: [exact, rounded], outputs: [difference]))
        return squares(of: difference)
    }

    private mutating func squares(of value: String) -> String {
        let sum = names.make(value, "_squares")
        copies.append(
            Node(
                "ReduceSumSquare", inputs: [value], outputs: [sum], attributes: [Attribute("keepdims", .integer(0))]))
        return sum
    }
}
