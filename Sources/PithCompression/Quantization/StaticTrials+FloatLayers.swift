import PithFormats
import PithModel

extension StaticTrials {
    /// Layers that are looked at alone, at most.
    private static let mostLayers = 64
    /// What a set of layers must gain in float to be timed, in dB, and how many sets are in a turn.
    private static let leastGain = 0.3, timed = 4
    /// Turns, each of which starts from the best so far.
    private static let turns = 3

    /// Measures candidates with one more layer in float, or two neighbours, for as long as that is worth its time.
    ///
    /// The error of each is measured, those that gain most are timed; at least half of the layers stay in integers. A layer whose input disturbs the output most is often a
    /// small one, such as a classifier or a depthwise convolution. Models of more than 64 layers in integers are not searched so.
    mutating func measureFloatLayers(beside start: Measured, threads: Int) async throws {
        var current = start
        for _ in 0..<StaticTrials.turns {
            let layers = Placement(piece.model.graph, excluded: kept.union(current.exclusion.nodes)).layers
            let room = (layers.count - current.exclusion.nodes.count) / 2
            guard room > 0, layers.count <= StaticTrials.mostLayers else { return }
            let single = try await gains(of: layers.map { [$0] }, beside: current, threads)
            let middle = single.indices.max { single[$0].sqnrDB < single[$1].sqnrDB } ?? 0
            let pairs = [(middle - 1, middle), (middle, middle + 1)].compactMap { first, second in
                first >= 0 && second < layers.count ? [layers[first], layers[second]] : nil
            }
            let all = try await single + gains(of: room > 1 ? pairs : [], beside: current, threads)
            let known = tried.map(\.exclusion.nodes)
            let chosen = all.enumerated()
                .filter { $1.sqnrDB >= current.sqnrDB + StaticTrials.leastGain && !known.contains($1.exclusion.nodes) }
                .sorted { ($1.element.sqnrDB, $0.offset) < ($0.element.sqnrDB, $1.offset) }
            guard !chosen.isEmpty else { return }
            for item in chosen.prefix(StaticTrials.timed) { _ = try await measure(item.element.exclusion) }
            guard let next = mostAccurate, next.label != current.label else { return }
            current = next
        }
    }

    /// Output SQNR in dB with each of `sets` in float too.
    private func gains(
        of sets: [[IntegerLayer]], beside start: Measured, _ threads: Int
    ) async throws -> [(exclusion: Exclusion, sqnrDB: Double)] {
        progress("measuring \(sets.count) sets of layers in float")
        return try await Parallel.map(sets, threads: threads) { [self] set in
            try Task.checkCancellation()
            var exclusion = start.exclusion
            exclusion.label += ", and \(set.map(\.label).joined(separator: " and ")) in float"
            for layer in set { exclusion.reasons[layer.node] = "integers here cost more accuracy than they save time" }
            return (exclusion, try bench.sqnrDBOnOneThread(of: ONNXWriter.encode(candidate(exclusion).model)))
        }
    }
}
