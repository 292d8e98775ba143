import PithModel

extension StaticTrials {
    /// Measures candidates whose first sums are in float, then of those that are left the last: as many as leave the speed
    /// that is asked for.
    ///
    /// What a sum is rounded by stays in all sums behind it, so the first matter most; the last have the fewest numbers in
    /// most networks, so they cost least. Those between would gain only together with their neighbours.
    mutating func measureFloatSums(beside start: Exclusion, atLeast speed: Double) async throws {
        let all = Placement(piece.model.graph, excluded: kept.union(start.nodes)).sums
        func exclusion(_ first: Int, _ last: Int) -> Exclusion {
            let parts = [first > 0 ? "the first \(first)" : nil, last > 0 ? "the last \(last)" : nil]
            let sums = parts.compactMap(\.self).joined(separator: " and ")
            var exclusion = start
            exclusion.label += ", and \(sums) of \(all.count) sums in float"
            exclusion.sums = Set(all.prefix(first) + all.suffix(last))
            return exclusion
        }
        func isFast(_ first: Int, _ last: Int) async throws -> Bool {
            try await measure(exclusion(first, last)).speedup ?? 0 >= speed
        }
        let step = max(1, all.count / 8)
        let first = try await Bisection.most(of: all.count, within: step) { try await isFast($0, 0) }
        guard first < all.count else { return }
        _ = try await Bisection.most(of: all.count - first - 1, within: step) { try await isFast(first, $0) }
    }
}
