import Foundation
import PithEvaluation

/// How far the output of one of a candidate's layers lies from the reference's, and how much of that arises there.
///
/// Ratios are `10 log10(sum R^2 / sum (R - O)^2)` in dB over all rows looked at, within -200...200.
public struct LayerError: Sendable, Hashable {
    /// The layer's name in the candidate.
    public var layer: String
    /// Its operator.
    public var operation: String
    /// The value that is compared, by its name in the reference.
    public var output: String
    /// Layers that stand before this one with no value to compare between them; their errors are in these figures.
    public var companions: [String]
    /// Own error: the layer as the candidate computes it, fed with the reference's activations; null where it could not be
    /// measured.
    public var ownSqnrDB: Double?
    /// Own and inherited error: the layer fed with what the candidate's layers before it give.
    public var sqnrDB: Double
    /// Own error once the output is rounded too; null where the candidate does not round it.
    public var ownRoundedSqnrDB: Double?
    /// Own and inherited error once the output is rounded too; null where the candidate does not round it.
    public var roundedSqnrDB: Double?

    /// Part of the output's error that arises in the layer, `own noise / all noise`, at most 1; the rest is inherited.
    ///
    /// Null where nothing differs or the own error is not known. The two errors need not be independent, so this is an
    /// estimate.
    public var bornShare: Double? {
        guard let ownSqnrDB, sqnrDB < Fidelity.limitDB else { return nil }
        return min(pow(10, (sqnrDB - ownSqnrDB) / 10), 1)
    }
}

extension LayerError: Encodable {
    private enum Key: String, CodingKey {
        case layer, operation, output, companions, ownSqnrDB, sqnrDB, ownRoundedSqnrDB, roundedSqnrDB, bornShare
    }

    /// Writes every key; what is not known is null.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(layer, forKey: .layer)
        try container.encode(operation, forKey: .operation)
        try container.encode(output, forKey: .output)
        try container.encode(companions, forKey: .companions)
        try container.encode(ownSqnrDB, forKey: .ownSqnrDB)
        try container.encode(sqnrDB, forKey: .sqnrDB)
        try container.encode(ownRoundedSqnrDB, forKey: .ownRoundedSqnrDB)
        try container.encode(roundedSqnrDB, forKey: .roundedSqnrDB)
        try container.encode(bornShare, forKey: .bornShare)
    }
}

/// The errors of all layers of a candidate, and what could not be compared.
public struct LayerReport: Sendable, Hashable, Encodable {
    /// Layers in the order in which they run.
    public var layers: [LayerError] = []
    /// Values of both models that were compared.
    public var matchedValues = 0
    /// Values of the reference that the candidate does not have, by name, type and shape.
    public var onlyInReference = 0
    /// Values of the candidate that the reference does not have; what operators make on the way to integers and back aside.
    public var onlyInCandidate = 0
    /// Layers in nested graphs, which are not looked into.
    public var innerLayers: [String] = []
    /// Rows looked at.
    public var rows = 0
    /// What a reader should know.
    public var notes: [String] = []

    /// The layer with the largest error of its own; without any such figures the one that is farthest off, nil when no
    /// layer differs.
    public var weakest: LayerError? {
        let known = layers.filter { $0.ownSqnrDB != nil }
        let ordered = known.isEmpty ? layers : known
        func measure(_ layer: LayerError) -> Double { layer.ownSqnrDB ?? layer.sqnrDB }
        return ordered.min { measure($0) < measure($1) }.flatMap { measure($0) < Fidelity.limitDB ? $0 : nil }
    }
}
