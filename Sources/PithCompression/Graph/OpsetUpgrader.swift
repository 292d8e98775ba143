public import PithModel

/// Raises the standard operator set of a model without changing what the model computes.
///
/// Each node walks through the versions between the two sets one by one. Where its operator changed, a rule writes the
/// node as the newer set wants it (`OpsetUpgrader+Rules.swift`); where the change only widened types, added attributes
/// whose defaults keep the old meaning, or reworded the text, the node stays (`OpsetUpgrader+History.swift`). A node
/// that neither covers is refused by name: nothing is guessed.
///
/// | what | becomes |
/// | --- | --- |
/// | attributes that are inputs now (axes, pads, k, split, bounds) | weights; equal ones of a graph are made once |
/// | `Softmax`, `LogSoftmax`, `Hardmax` of flattened axes | one axis, or `Flatten`, `Shape`, `Reshape` around it |
/// | `Upsample`, `Scatter` | `Resize`, `ScatterElements` |
/// | weights listed as inputs, when the file version passes 3 | weights only: until 3 no caller could replace them |
///
/// - Refused: training forms of `BatchNormalization` and `Dropout`, `Scan` 8, `GroupNormalization` 18, roundings and
///   window rules that the older sets left open, and models with functions of their own.
/// - Reference: ONNX operator schemas, versions 7 to 25; ONNX "Versioning", table of released versions.
public enum OpsetUpgrader {
    /// Versions of the standard set that an upgrade can start from and lead to.
    public static let versions = 7...25

    /// Raises `model` to at least `version`, nested graphs included; nothing changes when it throws.
    ///
    /// A model that is there already stays as it is. The file version rises to what the set needs and never falls.
    /// - Throws: `CompressionError` `.invalidSetting` for a version past the known ones, `.unsupportedOperator` for a
    ///   node that can not be raised.
    /// - Complexity: O(nodes * versions); weights are neither read nor copied, but for lists of sizes and axes.
    public static func upgrade(_ model: inout Model, to version: Int) throws(CompressionError) {
        let start = model.opset
        guard start < version else { return }
        guard version <= versions.upperBound else {
            throw CompressionError(
                code: .invalidSetting, subject: "operator set",
                problem: "version \(version) is not known, \(versions.upperBound) is the newest.",
                remedy: "Ask for at most \(versions.upperBound).")
        }
        try refuseFunctions(of: model)
        var names = NameSource(taken: takenNames(in: model.graph)), graph = model.graph
        try upgrade(&graph, within: nil, from: start, to: version, names: &names)
        let format = formatVersion(of: version)
        if model.formatVersion < 4, format >= 4 { graph.inputs.removeAll { graph.weights[$0.name] != nil } }
        model.graph = graph
        model.operatorSets["ai.onnx"] = nil
        model.operatorSets[""] = version
        model.formatVersion = max(model.formatVersion, format)
    }

    /// The lowest ONNX file version (`ir_version`) that was released with an operator set.
    static func formatVersion(of opset: Int) -> Int {
        switch opset {
        case ...8: 3
        case 9: 4
        case 10: 5
        case 11: 6
        case 12...14: 7
        case 15...18: 8
        case 19...20: 9
        case 21...22: 10
        case 23: 11
        case 24: 12
        default: 13
        }
    }

    /// Upgrades one graph and those nested in it, which may read what `outer` knows.
    private static func upgrade(
        _ graph: inout Graph, within outer: ValueFacts?, from start: Int, to version: Int, names: inout NameSource
    ) throws(CompressionError) {
        var bench = Workbench(facts: ValueFacts(of: graph, within: outer), names: names)
        var nodes: [Node] = []
        nodes.reserveCapacity(graph.nodes.count)
        for var node in graph.nodes {
            for position in node.attributes.indices {
                switch node.attributes[position].value {
                case .graph(var nested):
                    try upgrade(&nested, within: bench.facts, from: start, to: version, names: &bench.names)
                    node.attributes[position].value = .graph(nested)
                case .graphs(var list):
                    for index in list.indices {
                        try upgrade(&list[index], within: bench.facts, from: start, to: version, names: &bench.names)
                    }
                    node.attributes[position].value = .graphs(list)
                default: break
                }
            }
            nodes += try upgraded(node, from: start, to: version, with: &bench)
        }
        graph.nodes = nodes
        for weight in bench.weights { graph.weights[weight.name] = weight }
        names = bench.names
    }

    /// What stands for `node` in `version`; nodes of other domains stay.
    private static func upgraded(
        _ node: Node, from start: Int, to version: Int, with bench: inout Workbench
    ) throws(CompressionError) -> [Node] {
        guard node.domain.isEmpty else { return [node] }
        try admit(node, at: start)
        var pending = [node]
        for step in start + 1...version {
            var next: [Node] = []
            for node in pending {
                if let rule = rules[node.operation]?[step] {
                    next += try rule(node, &bench)
                } else {
                    next.append(node)
                }
            }
            pending = next
        }
        return pending
    }

    /// Refuses a node whose operator is not one of the set at `version`, or not one that is known.
    private static func admit(_ node: Node, at version: Int) throws(CompressionError) {
        guard let history = histories[node.operation] else {
            throw refusal(
                node, "it is no known operator of the standard set, so what newer sets made of it is not known.",
                remedy: "Export the model for the newer operator set, or give the operator its own domain.")
        }
        guard version >= versions.lowerBound else {
            throw refusal(
                node, "operator set \(version) is older than \(versions.lowerBound), the oldest that can be raised.")
        }
        guard history.introduced <= version, version < history.withdrawn ?? .max else {
            throw refusal(node, "operator set \(version), which the model names, does not have this operator.")
        }
    }

    /// Names that new values and weights must not take.
    private static func takenNames(in graph: Graph) -> Set<String> {
        var taken = graph.allNames
        graph.forEachGraph { nested, _ in taken.formUnion(nested.valueTypes.map(\.name)) }
        return taken
    }

    /// Why a node can not be raised.
    static func refusal(
        _ node: Node, _ problem: String, remedy: String = "Export the model for the newer operator set."
    ) -> CompressionError {
        CompressionError(code: .unsupportedOperator, subject: node.label, problem: problem, remedy: remedy)
    }
}
