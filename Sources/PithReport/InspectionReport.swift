import PithCompression
import PithFormats
public import PithModel
import PithTensor

/// What a model holds: the result of `inspect`.
public struct InspectionReport: Encodable, Sendable {
    struct Port: Encodable, Sendable {
        let name: String
        let type: String
        let shape: [String]
    }

    struct OperatorCount: Encodable, Sendable {
        let operation: String
        let count: Int
    }

    struct TypeCount: Encodable, Sendable {
        let type: String
        let weights: Int
        let values: Int
        let bytes: Int
    }

    struct WeightEntry: Encodable, Sendable {
        let name: String
        let shape: [Int]
        let type: String
        let bytes: Int
        let readers: [String]
        let could: String
        let statistics: WeightStatistics?
    }

    let path: String
    let bytes: Int
    let formatVersion: Int
    let operatorSets: [String: Int]
    let producer: String
    let parameters: Int
    let nodes: Int
    let inputs: [Port]
    let outputs: [Port]
    let operators: [OperatorCount]
    let types: [TypeCount]
    let weights: [WeightEntry]

    /// Looks at `model`, read from `path`; with `statistics` every weight is read too.
    ///
    /// - Throws: An error of the file system when the file is gone.
    public init(path: String, model: Model, statistics: Bool) throws {
        let facts = ModelFacts(model)
        self.path = path
        bytes = try ModelFacts.fileBytes(of: model, at: path)
        formatVersion = model.formatVersion
        operatorSets = model.operatorSets
        producer = [model.producer.name, model.producer.version].filter { !$0.isEmpty }.joined(separator: " ")
        parameters = facts.parameterCount
        nodes = facts.nodeCount
        inputs = model.graph.requiredInputs.map(InspectionReport.port)
        outputs = model.graph.outputs.map(InspectionReport.port)
        var operations: [String: Int] = [:], weights: [WeightEntry] = [], types: [String: (Int, Int, Int)] = [:]
        model.graph.forEachGraph { graph, path in
            for node in graph.nodes {
                operations[node.domain.isEmpty ? node.operation : "\(node.domain).\(node.operation)", default: 0] += 1
            }
            for entry in WeightSurvey(graph, path).entries {
                let known = types[entry.weight.type.rawValue] ?? (0, 0, 0)
                types[entry.weight.type.rawValue] = (
                    known.0 + 1, known.1 + entry.weight.shape.count, known.2 + entry.weight.byteCount
                )
                weights.append(
                    WeightEntry(
                        name: entry.name, shape: entry.weight.shape.dimensions, type: entry.weight.type.rawValue,
                        bytes: entry.weight.byteCount, readers: entry.readers, could: entry.could,
                        statistics: statistics ? WeightStatistics(entry.weight) : nil))
            }
        }
        operators = operations.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { OperatorCount(operation: $0.key, count: $0.value) }
        self.types = types.sorted { $0.key < $1.key }
            .map { TypeCount(type: $0.key, weights: $0.value.0, values: $0.value.1, bytes: $0.value.2) }
        self.weights = weights
    }

    private static func port(_ value: ValueInfo) -> Port {
        let shape = (value.type?.dimensions ?? []).map { dimension in
            switch dimension {
            case .fixed(let length): "\(length)"
            case .symbolic(let name): name
            case .unknown: "?"
            }
        }
        return Port(name: value.name, type: value.type?.element?.rawValue ?? "not a tensor", shape: shape)
    }

    /// The report as text for people.
    public var text: String {
        func ports(_ ports: [Port]) -> String {
            ports.map { "\($0.name) \($0.type)[\($0.shape.joined(separator: ", "))]" }.joined(separator: "; ")
        }
        let sets = operatorSets.sorted { $0.key < $1.key }.map { "\($0.key.isEmpty ? "ai.onnx" : $0.key) \($0.value)" }
        var lines = [
            "\(path): \(Text.bytes(bytes)), \(parameters) parameters, \(nodes) nodes",
            "format: ONNX IR \(formatVersion), operator sets \(sets.joined(separator: ", "))"
                + (producer.isEmpty ? "" : ", written by \(producer)"),
            "inputs: \(ports(inputs))", "outputs: \(ports(outputs))",
            "operators: " + operators.map { "\($0.operation) \($0.count)" }.joined(separator: ", "),
        ]
        for type in types {
            lines.append("\(type.type): \(type.weights) constants, \(type.values) values, \(Text.bytes(type.bytes))")
        }
        return lines.joined(separator: "\n") + "\n\n" + table + unsound
    }

    /// Weights whose figures leave some values out.
    private var unsound: String {
        weights.reduce(into: "") { text, weight in
            guard let count = weight.statistics?.nonFinite, count > 0 else { return }
            text += "\(weight.name): \(count) values are NaN or infinite, and left out of these figures\n"
        }
    }

    private var table: String {
        let hasStatistics = weights.contains { $0.statistics != nil }
        var table = TextTable(
            header: ["weight", "shape", "type", "bytes"]
                + (hasStatistics ? ["minimum", "maximum", "mean", "spread", "zeros", "entropy bits"] : [])
                + ["read by", "could become"],
            rightAligned: hasStatistics ? [3, 4, 5, 6, 7, 8, 9] : [3])
        for weight in weights {
            let shape = weight.shape.isEmpty ? "scalar" : weight.shape.map(String.init).joined(separator: "x")
            table.add(
                [weight.name, shape, weight.type, "\(weight.bytes)"]
                    + (hasStatistics ? weight.statistics?.cells ?? Array(repeating: "-", count: 6) : [])
                    + [weight.readers.joined(separator: ", "), weight.could])
        }
        return table.text
    }
}
