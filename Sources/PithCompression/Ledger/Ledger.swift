import PithFormats
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
        var after: [String: Weight] = [:], order: [String] = [], before: [Weight] = []
        piece.model.graph.forEachGraph { graph, path in
            for weight in Ledger.constants(of: graph, at: path) {
                after[weight.name] = weight
                order.append(weight.name)
            }
        }
        original.graph.forEachGraph { graph, path in before += Ledger.constants(of: graph, at: path) }
        let fates = before.map { piece.trace.fate(of: $0.name) }
        let left = fates.map { fate in fate.names.filter { after[$0] != nil } }
        let owned = Ledger.owned(before.map(\.name), left)
        var rows = before.indices.map { index in
            Ledger.row(before[index], fates[index], left[index], owned[index], piece, after)
        }
        let counted = Set(owned.joined())
        for name in order where !counted.contains(name) {
            guard let weight = after[name] else { continue }
            var row = Ledger.described(weight, name, piece)
            row.note = row.note.isEmpty ? "made by the recipe" : "made by the recipe; \(row.note)"
            rows.append(row)
        }
        self.rows = rows + Ledger.activationRow(piece)
    }

    /// The weights of the output that each weight of the input answers for, so that every byte is counted once.
    ///
    /// A weight that kept its name answers for itself; then each that has nothing takes the first result that is free;
    /// then what is left goes to the first weight it was made from.
    private static func owned(_ names: [String], _ left: [[String]]) -> [[String]] {
        var owned = [[String]](repeating: [], count: names.count), taken: Set<String> = []
        for (index, name) in names.enumerated() where left[index].contains(name) && taken.insert(name).inserted {
            owned[index] = [name]
        }
        for index in names.indices where owned[index].isEmpty {
            guard let free = left[index].first(where: { !taken.contains($0) }) else { continue }
            taken.insert(free)
            owned[index] = [free]
        }
        for index in names.indices {
            for name in left[index] where taken.insert(name).inserted { owned[index].append(name) }
        }
        return owned
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
        _ before: Weight, _ fate: WeightTrace.Fate, _ left: [String], _ owned: [String], _ piece: Workpiece,
        _ after: [String: Weight]
    ) -> LedgerRow {
        let notes = fate.notes
        var row = LedgerRow(
            weight: before.name, shape: before.shape.dimensions, technique: nil, representation: "none",
            bytesBefore: before.byteCount, bytesAfter: 0, sqnrDB: nil, note: notes.joined(separator: "; "))
        let shown = owned.isEmpty ? Array(left.prefix(1)) : owned
        let parts = shown.compactMap { name in after[name].map { described($0, name, piece) } }
        guard !parts.isEmpty else {
            row.technique = fate.technique ?? CleanUp.name
            row.note = row.note.isEmpty ? "no longer needed" : row.note
            return row
        }
        row.technique = parts.compactMap(\.technique).first ?? fate.technique
        row.representation = distinct(parts.map(\.representation)).joined(separator: " + ")
        row.sqnrDB = parts.compactMap(\.sqnrDB).min()
        row.bytesAfter = owned.isEmpty ? 0 : parts.reduce(0) { $0 + $1.bytesAfter }
        var remarks = notes + parts.map(\.note)
        if owned.isEmpty {
            remarks.append("counted with \(shown[0])")
        } else if owned != [before.name] {
            remarks.append("stored as \(owned.joined(separator: " and "))")
        }
        row.note = distinct(remarks.filter { !$0.isEmpty }).joined(separator: "; ")
        return row
    }

    private static func distinct(_ texts: [String]) -> [String] {
        var seen: Set<String> = []
        return texts.filter { seen.insert($0).inserted }
    }

    private static func described(_ weight: Weight, _ name: String, _ piece: Workpiece) -> LedgerRow {
        let encoding = piece.encodings[name]
        let form = weight.representation?.summary ?? weight.type.rawValue
        var note = encoding?.note ?? piece.reasons[name] ?? "kept: \(keptReason(weight))"
        if encoding != nil, weight.execution == .folded, let reason = piece.floatReasons[name] {
            note += (note.isEmpty ? "" : "; ") + "float activations: \(reason)"
        }
        let execution = weight.representation == nil || weight.execution != .folded ? "" : ", folded at load"
        return LedgerRow(
            weight: name, shape: weight.shape.dimensions, technique: encoding?.technique,
            representation: form + execution, bytesBefore: 0, bytesAfter: weight.byteCount, sqnrDB: encoding?.sqnrDB,
            note: note)
    }

    private static func keptReason(_ weight: Weight) -> String {
        weight.type.isFloatingPoint
            ? "no technique of the recipe takes it" : "it holds \(weight.type.rawValue) values, not weights"
    }

    /// Scales and zero points of activations, which belong to no weight.
    private static func activationRow(_ piece: Workpiece) -> [LedgerRow] {
        let formats = piece.model.graph.activationFormats
        guard !formats.isEmpty else { return [] }
        // What can not be written has no file that a ledger could be of.
        let bytes = (try? ONNXLowering.activationByteCount(of: piece.model.graph, opset: piece.model.opset)) ?? 0
        return [
            LedgerRow(
                weight: "(activations)", shape: [formats.count], technique: StaticQuantizer.name,
                representation: "scales and zero points", bytesBefore: 0, bytesAfter: bytes, sqnrDB: nil,
                note: "made by the recipe")
        ]
    }
}
