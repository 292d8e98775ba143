import PithTensor

/// Finds the scale under which a table of levels serves a group of weights best.
///
/// `none` takes the smallest scale of either sign that clips nothing. `mse` minimizes `sum (w - level * scale)²`: for each of 16
/// scales from the largest magnitude down to a sixth of it, of both signs unless the table is symmetric, the codes
/// are found, and what the least-squares scale of those codes leaves; the best is then refitted in turns with its codes.
/// Each turn takes error away or ends the search.
///
/// - Complexity: O(*k n* bits) for a group of *n* weights, with *k* of about 35 scales.
/// - Reference: Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28, 1982 (alternating assignment and
///   fit); Dettmers et al., "QLoRA", arXiv:2305.14314, section 3 (a table under a scale for each block).
/// - Deviation: signed scales by least squares, where QLoRA divides by the largest magnitude.
struct BlockScaleFitter {
    let format: LevelFormat
    let clipping: WeightGrid.Clipping

    /// A scale, and how much of the group's energy `sum w²` the levels under it explain.
    struct Fit {
        var scale: Float
        var gain: Double
    }

    private static let cuts = 16
    /// 16 cuts reach a sixth.
    private static let ratio: Float = 0.887
    private static let refits = 4

    /// The best scale for finite `values`; 0 where they are all (next to) zero.
    func fit(_ values: Span<Float>, _ table: LevelTable) -> Fit {
        let bounds = Kernels.range(of: values).bounds ?? 0...0
        let largest = max(-bounds.lowerBound, bounds.upperBound)
        guard largest >= Float.leastNormalMagnitude else { return Fit(scale: 0, gain: 0) }
        let signs: [Float] = table.isSymmetric ? [1] : [1, -1]
        guard clipping == .mse else {
            return best(of: signs.map { $0 * covering(bounds, table, sign: $0) }, values, table, isRefitted: false)
        }
        var cut = largest, candidates: [Float] = []
        for _ in 0..<BlockScaleFitter.cuts {
            candidates += signs.map { storable(cut * $0) }
            cut *= BlockScaleFitter.ratio
        }
        var found = best(of: candidates, values, table, isRefitted: true)
        for _ in 0..<BlockScaleFitter.refits {
            let next = best(of: [found.scale], values, table, isRefitted: true)
            guard next.gain > found.gain else { break }
            found = next
        }
        return best(of: [storable(found.scale)], values, table, isRefitted: false)
    }

    /// The smallest magnitude of a scale of a sign that reaches all of `bounds`, rounded up to what can be stored.
    private func covering(_ bounds: ClosedRange<Float>, _ table: LevelTable, sign: Float) -> Float {
        guard let low = table.levels.first, let high = table.levels.last else { return 1 }
        let wanted =
            sign > 0
            ? max(bounds.upperBound / high, bounds.lowerBound / low)
            : max(-bounds.lowerBound / high, -bounds.upperBound / low)
        let nearest = format.storable(scale: wanted)
        return nearest < wanted ? format.storable(scale: wanted * (1 + 0x1p-10)) : nearest
    }

    /// The nearest scale of the same sign that can be stored.
    func storable(_ scale: Float) -> Float {
        scale < 0 ? -format.storable(scale: -scale) : format.storable(scale: scale)
    }

    /// The candidate with the least error, or with the least after its scale is fitted to its codes, which is then returned.
    private func best(of candidates: [Float], _ values: Span<Float>, _ table: LevelTable, isRefitted: Bool) -> Fit {
        let moments = Kernels.tableMoments(
            values, levels: table.levels, thresholds: table.thresholds, scales: candidates)
        var found = Fit(scale: candidates.first ?? 1, gain: -.infinity)
        for (candidate, moment) in zip(candidates, moments) {
            let products = Double(moment.products), squares = Double(moment.squares)
            let fitted = isRefitted && squares > 0 ? Float(products / squares) : candidate
            let scale = abs(fitted) >= Float.leastNormalMagnitude && fitted.isFinite ? fitted : candidate
            let gain = Double(scale) * (2 * products - Double(scale) * squares)
            if gain > found.gain { found = Fit(scale: scale, gain: gain) }
        }
        return found
    }
}
