public import PithModel
import PithTensor

/// The account of every weight of a model: what it was, what it is, and why.
public struct Ledger: Sendable {
    /// A row for each weight of the input in file order, then for weights that were made.
    public let rows: [LedgerRow]

    /// Follows the weights of `original` through the work on `piece`.
    ///
    /// - Complexity: O(weights * events of the trace).
    public init(original: Model, piece: Workpiece) {
        var after: [String: Weight] = [:], order: [String] = []
        piece.model.graph.forEachGraph { graph, path in
            for weight in Ledger.constants(of: graph, at: path) {
                after[weight.name] = weight
                order.append(weight.name)
            }
        }
        var rows: [LedgerRow] = [], counted: Set<String> = []
        original.graph.forEachGraph { graph, path in
            for before in Ledger.constants(of: graph, at: path) {
                rows.append(Ledger.row(before, piece, after, &counted))
            }
        }
        for name in order where !counted.contains(name) {
            guard let weight = after[name] else { continue }
            var row = Ledger.described(weight, name, piece)
            row.note = row.note.isEmpty ? "made by the recipe" : row.note
            rows.append(row)
        }
        self.rows = rows + Ledger.activationRow(piece)
    }

    /// Initializers and the tensors of `Constant` nodes, by qualified name.
    private static func constants(of graph: Graph, at path: GraphPath) -> [Weight] {
        var weights = Array(graph.weights)
        for node in graph.nodes where node.isStandard("Constant") {
            guard case .tensor(var weight) = node[attribute: "value"], let name = node.outputs.first else { continue }
            weight.name = name
            weights.append(weight)
        }
        for index in weights.indices { weights[index].name = path.qualified(weights[index].name) }
        return weights
    }

    private static func row(
        _ before: Weight, _ piece: Workpiece, _ after: [String: Weight], _ counted: inout Set<String>
    ) -> LedgerRow {
        let fate = piece.trace.fate(of: before.name)
        let left = fate.names.filter { after[$0] != nil }
        var row = LedgerRow(
            weight: before.name, shape: before.shape.dimensions, technique: nil, representation: "none",
            bytesBefore: before.byteCount, bytesAfter: 0, sqnrDB: nil, note: fate.notes.joined(separator: "; "))
        guard let name = left.first(where: { $0 == before.name }) ?? left.first(where: { !counted.contains($0) }) ?? left.first,
            let weight = after[name]
        else {
            row.technique = CleanUp.name
            row.note = row.note.isEmpty ? "no longer needed" : row.note
            return row
        }
        let described = described(weight, name, piece)
        row.technique = described.technique ?? (fate.notes.isEmpty ? nil : CleanUp.name)
        row.representation = described.representation
        row.sqnrDB = described.sqnrDB
        row.note = (fate.notes + [described.note]).filter { !$0.isEmpty }.joined(separator: "; ")
        if counted.insert(name).inserted {
            row.bytesAfter = described.bytesAfter
        } else {
            row.note += row.note.isEmpty ? "" : "; "
            row.note += "counted with \(name)"
        }
        return row
    }

    private static func described(_ weight: Weight, _ name: String, _ piece: Workpiece) -> LedgerRow {
        let encoding = piece.encodings[name]
        let form = weight.representation?.summary ?? weight.type.rawValue
        let execution = weight.representation == nil || weight.execution == .integer ? "" : ", folded at load"
        return LedgerRow(
            weight: name, shape: weight.shape.dimensions, technique: encoding?.technique,
            representation: form + execution, bytesBefore: 0, bytesAfter: weight.byteCount, sqnrDB: encoding?.sqnrDB,
            note: encoding?.note ?? piece.reasons[name] ?? "kept: \(keptReason(weight))")
    }

    private static func keptReason(_ weight: Weight) -> String {
        weight.type.isFloatingPoint ? "no technique of the recipe takes it" : "it holds \(weight.type.rawValue) values, not weights"
    }

    /// Scales and zero points of activations, which belong to no weight.
    private static func activationRow(_ piece: Workpiece) -> [LedgerRow] {
        let formats = piece.model.graph.activationFormats
        guard !formats.isEmpty else { return [] }
        let bytes = formats.values.reduce(0) { $0 + 4 + $1.type.bitWidth / 8 }
        return [
            LedgerRow(
                weight: "(activations)", shape: [formats.count], technique: StaticQuantizer.name,
                representation: "scales and zero points", bytesBefore: 0, bytesAfter: bytes, sqnrDB: nil,
                note: "made by the recipe")
        ]
    }
}
