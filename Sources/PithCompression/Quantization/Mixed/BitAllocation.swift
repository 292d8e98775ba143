/// Which width each weight gets, so that the sum of errors is the least for the bytes spent, or the other way round.
///
/// Errors of single weights are taken to add up, so that `minimize sum of noise + lambda * sum of bytes` falls apart into
/// the weights: each walks along the lower convex hull of its `(bytes, noise)` points. Steps are taken in the order of
/// noise saved for each byte until the budget is met.
///
/// - Complexity: O(*n* log *n*) for *n* points.
/// - Reference: Shoham and Gersho, "Efficient bit allocation for an arbitrary set of quantizers", IEEE Trans. ASSP 36
///   (1988), section III.
package struct BitAllocation {
    /// What one width of one weight costs.
    package struct Point: Hashable, Sendable {
        package let bits: Int
        package let byteCount: Int
        /// Noise power at the model's outputs, as a part of their signal power.
        package let noise: Double

        /// Puts a width and its costs together.
        package init(bits: Int, byteCount: Int, noise: Double) {
            self.bits = bits
            self.byteCount = byteCount
            self.noise = noise
        }
    }

    /// When enough has been spent.
    package enum Budget: Hashable, Sendable {
        /// Bytes of all weights together, at most.
        case bytes(Int)
        /// Sum of all noise, at most.
        case noise(Double)
    }

    /// The corners of each weight's hull, those with the fewest bytes first.
    private let hulls: [String: [Point]]

    /// Knows what widths cost; each weight has a point at least.
    package init(_ points: [String: [Point]]) { hulls = points.mapValues(BitAllocation.hull) }

    /// The width of each weight.
    package func widths(within budget: Budget) -> [String: Int] {
        var places = hulls.mapValues { _ in 0 }
        var byteCount = hulls.values.reduce(0) { $0 + $1[0].byteCount }
        var noise = hulls.values.reduce(0) { $0 + $1[0].noise }
        for step in steps {
            if case .noise(let limit) = budget, noise <= limit { break }
            let from = hulls[step.name]?[step.place], to = hulls[step.name]?[step.place + 1]
            guard let from, let to, places[step.name] == step.place else { continue }
            if case .bytes(let limit) = budget, byteCount + to.byteCount - from.byteCount > limit { continue }
            byteCount += to.byteCount - from.byteCount
            noise += to.noise - from.noise
            places[step.name] = step.place + 1
        }
        return places.reduce(into: [:]) { $0[$1.key] = hulls[$1.key]?[$1.value].bits }
    }

    /// Noise and bytes of an allocation.
    package func cost(of widths: [String: Int]) -> (noise: Double, byteCount: Int) {
        widths.sorted { $0.key < $1.key }.reduce((0, 0)) { sum, entry in
            guard let point = hulls[entry.key]?.first(where: { $0.bits == entry.value }) else { return sum }
            return (sum.0 + point.noise, sum.1 + point.byteCount)
        }
    }

    /// All steps from a corner to the next, those that save the most for each byte first.
    private var steps: [(name: String, place: Int)] {
        var steps: [(name: String, place: Int, gain: Double)] = []
        for (name, hull) in hulls {
            for place in 0..<hull.count - 1 {
                let bytes = hull[place + 1].byteCount - hull[place].byteCount
                steps.append((name, place, (hull[place].noise - hull[place + 1].noise) / Double(max(bytes, 1))))
            }
        }
        return steps.sorted { ($1.gain, $0.name, $0.place) < ($0.gain, $1.name, $1.place) }.map { ($0.name, $0.place) }
    }

    /// The points that a larger one beats in noise only, and by more for each byte than any after it.
    private static func hull(_ points: [Point]) -> [Point] {
        var hull: [Point] = []
        for point in points.sorted(by: { ($0.byteCount, $0.noise) < ($1.byteCount, $1.noise) })
        where hull.last.map({ point.noise < $0.noise && point.byteCount > $0.byteCount }) ?? true {
            while hull.count > 1 {
                let (first, last) = (hull[hull.count - 2], hull[hull.count - 1])
                let before = (first.noise - last.noise) / Double(last.byteCount - first.byteCount)
                let after = (last.noise - point.noise) / Double(point.byteCount - last.byteCount)
                guard after >= before else { break }
                hull.removeLast()
            }
            hull.append(point)
        }
        return hull
    }
}
