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
    private let hulls: [(name: String, points: [Point])]

    /// Knows what widths cost; each weight has a point at least.
    package init(_ points: [String: [Point]]) {
        // Sums of floats depend on their order, which is that of the names.
        hulls = points.sorted { $0.key < $1.key }.map { ($0.key, BitAllocation.hull($0.value)) }
    }

    /// The width of each weight.
    package func widths(within budget: Budget) -> [String: Int] {
        var places = [Int](repeating: 0, count: hulls.count)
        func byteCount() -> Int { places.indices.reduce(0) { $0 + hulls[$1].points[places[$1]].byteCount } }
        func noise() -> Double { places.indices.reduce(0) { $0 + hulls[$1].points[places[$1]].noise } }
        for step in steps where places[step.weight] == step.place {
            let points = hulls[step.weight].points
            switch budget {
            case .noise(let limit): if noise() <= limit { return widths(at: places) }
            case .bytes(let limit):
                let added = points[step.place + 1].byteCount - points[step.place].byteCount
                guard byteCount() + added <= limit else { continue }
            }
            places[step.weight] += 1
        }
        return widths(at: places)
    }

    private func widths(at places: [Int]) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: hulls.indices.map { (hulls[$0].name, hulls[$0].points[places[$0]].bits) })
    }

    /// Noise and bytes of an allocation.
    package func cost(of widths: [String: Int]) -> (noise: Double, byteCount: Int) {
        hulls.reduce((0, 0)) { sum, hull in
            guard let point = hull.points.first(where: { $0.bits == widths[hull.name] }) else { return sum }
            return (sum.0 + point.noise, sum.1 + point.byteCount)
        }
    }

    /// All steps from a corner to the next, those that save the most for each byte first.
    private var steps: [(weight: Int, place: Int)] {
        var steps: [(weight: Int, place: Int, gain: Double)] = []
        for weight in hulls.indices {
            let points = hulls[weight].points
            for place in 0..<points.count - 1 {
                let bytes = points[place + 1].byteCount - points[place].byteCount
                steps.append((weight, place, (points[place].noise - points[place + 1].noise) / Double(max(bytes, 1))))
            }
        }
        return steps.sorted { ($1.gain, $0.weight, $0.place) < ($0.gain, $1.weight, $1.place) }
            .map { ($0.weight, $0.place) }
    }

    /// The points that a larger one beats in noise only, and by more for each byte than any after it.
    private static func hull(_ points: [Point]) -> [Point] {
        var hull: [Point] = []
        // A width that ruins the outputs is taken only where all do: then the widest, whose noise no budget can count.
        let sound = points.filter(\.noise.isFinite)
        let widest = points.max { $0.bits < $1.bits }.map { Point(bits: $0.bits, byteCount: $0.byteCount, noise: 0) }
        let points = sound.isEmpty ? widest.map { [$0] } ?? [] : sound
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
