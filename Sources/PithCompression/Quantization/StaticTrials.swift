import PithFormats
import PithModel
import PithTensor

/// Candidates of one model, built and measured one after the other.
struct StaticTrials {
    let piece: Workpiece
    /// Nodes that stay float whatever is tried.
    let kept: Set<Int>
    let observations: [String: Observation]
    let type: ScalarType
    let bench: CandidateBench
    let settings: StaticQuantizer
    let progress: @Sendable (String) -> Void
    /// What was measured so far.
    private(set) var tried: [Measured] = []
    /// The first candidate that was timed: the others are timed beside it.
    private var anchor: (bytes: [UInt8], speedup: Double)?

    init(
        piece: Workpiece, kept: Set<Int>, observations: [String: Observation], type: ScalarType, bench: CandidateBench,
        settings: StaticQuantizer, progress: @escaping @Sendable (String) -> Void
    ) {
        self.piece = piece
        self.kept = kept
        self.observations = observations
        self.type = type
        self.bench = bench
        self.settings = settings
        self.progress = progress
    }

    /// Layers and sums to leave in float.
    struct Exclusion {
        var label: String
        /// Why, by the position of the layer's node.
        var reasons: [Int: String] = [:]
        /// Positions of sums.
        var sums: Set<Int> = []
        /// Positions of products that read their inputs with a scale for each row.
        var rowScaled: Set<Int> = []

        var nodes: Set<Int> { Set(reasons.keys) }
        /// Whether every layer and every sum is in integers, products with one scale for their input.
        var isNone: Bool { reasons.isEmpty && sums.isEmpty && rowScaled.isEmpty }
    }

    /// A candidate with what was measured of it.
    struct Measured {
        let candidate: StaticCandidate
        let exclusion: Exclusion
        let sqnrDB: Double
        /// Nil under fixed rules and for ruined candidates.
        let speedup: Double?
        /// Whether it saves enough time, by measurement or by the fixed rule that integers do.
        let isFast: Bool

        var label: String { exclusion.label }

        /// So fast that nothing else need be tried.
        var isAmple: Bool { isFast && (speedup ?? 2) >= 2 }

        /// Whether leaving some layers in float may make it worth while: it is fast, or not far from it, or ruined.
        func mayGain(_ settings: StaticQuantizer) -> Bool {
            isFast || sqnrDB < settings.minimumSQNR || (speedup ?? 0) >= 0.85 * settings.minimumSpeedup
        }

        /// Clearly faster, or as fast and more accurate.
        func isBetter(than other: Measured) -> Bool {
            let ratio = (speedup ?? 1) / (other.speedup ?? 1)
            return ratio > 1.03 || ratio > 0.97 && sqnrDB > other.sqnrDB
        }
    }

    /// Builds the model without the layers of `exclusion` in integers, and measures it.
    ///
    /// - Throws: What runtime and data throw; `CompressionError` `.nonFiniteWeight`.
    mutating func measure(_ exclusion: Exclusion) async throws -> Measured {
        progress("measuring \(exclusion.label)")
        let candidate = try candidate(exclusion)
        let bytes = try ONNXWriter.encode(candidate.model), sqnr = try await bench.sqnrDB(of: bytes)
        // A ruined candidate need not be timed.
        let speedup = sqnr < settings.minimumSQNR ? nil : try speedup(of: bytes)
        let isFast = speedup.map { $0 >= settings.minimumSpeedup } ?? (sqnr >= settings.minimumSQNR)
        let measured = Measured(
            candidate: candidate, exclusion: exclusion, sqnrDB: sqnr, speedup: speedup, isFast: isFast)
        tried.append(measured)
        return measured
    }

    /// The model without the layers of `exclusion` in integers.
    func candidate(_ exclusion: Exclusion) throws(CompressionError) -> StaticCandidate {
        try StaticCandidate(
            piece, excluding: kept.union(exclusion.nodes), floatSums: exclusion.sums, rowScaled: exclusion.rowScaled,
            observations: observations, settings: settings, activationType: type)
    }

    /// How many times faster than float a candidate is, by way of the first that was timed.
    private mutating func speedup(of bytes: [UInt8]) throws -> Double? {
        if let anchor { return try bench.speedup(of: bytes, over: anchor.bytes).map { $0 * anchor.speedup } }
        let speedup = try bench.speedup(of: bytes)
        anchor = speedup.map { (bytes, $0) }
        return speedup
    }

    /// The highest speed of those tried that are fast; 1 where none was timed.
    var fastest: Double { tried.filter(\.isFast).compactMap(\.speedup).max() ?? 1 }

    /// The most accurate of those tried that are fast, for their time (``TimeForAccuracy``).
    var mostAccurate: Measured? {
        let fast = tried.filter(\.isFast)
        let results = fast.map { (sqnrDB: $0.sqnrDB, speedup: $0.speedup ?? fastest) }
        return TimeForAccuracy.best(of: results, plain: plainSpeedup).map { fast[$0] }
    }

    /// The speed with every layer in integers; nil where that was not timed.
    private var plainSpeedup: Double? { tried.first { $0.exclusion.isNone }?.speedup }

    /// Every layer in integers that the recipe does not keep in float.
    var everyLayer: Exclusion {
        let graph = piece.model.graph
        let isWhole = Placement(graph).layers.allSatisfy { !kept.contains($0.node) }
        return Exclusion(label: isWhole ? "every layer in integers" : "every layer in integers but those kept in float")
    }

    /// The first convolution that could run in integers; its few channels gain little, and its input is the model's.
    var firstInFloat: Exclusion? {
        guard let first = StaticTrials.firstConvolution(of: piece.model.graph, kept) else { return nil }
        return Exclusion(
            label: "the first convolution in float",
            reasons: [first: "the first convolution gains little and costs accuracy"])
    }

    /// The position of the first convolution that integer kernels could run; nil where it is in float anyway.
    static func firstConvolution(of graph: Graph, _ kept: Set<Int>) -> Int? {
        let first = Placement(graph).layers.first { graph.nodes[$0.node].isStandard("Conv") }?.node
        return first.flatMap { kept.contains($0) ? nil : $0 }
    }
}
