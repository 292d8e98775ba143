import PithTensor

/// Finds the grid that serves a group of weights best.
///
/// `range` takes the whole range, so nothing is clipped. `squaredError` minimizes `sum of importance * (w - decoded)²`: over
/// ranges cut to 1 through 0.35 of their length around their middle or around zero, each with the nearest zero points;
/// then the scale is fitted to the codes by least squares and the zero point moved a step, while that helps. It is never
/// worse than `range`. With the diagonal of `E[x xᵀ]` as importance, the error is that of the layer's output as far as
/// inputs are uncorrelated.
///
/// - Complexity: O(*k n*) for a group of *n* weights, with *k* of about 100 candidates.
/// - Reference: Nahshan et al., "Loss aware post-training quantization", arXiv:1911.07190 (clipping by the *p*-norm of the
///   error); Badri and Shaji, "Half-quadratic quantization", 2023 (refitting of zero points).
/// - Deviation: squared error only, an importance for each input, and a search instead of a half-quadratic solver.
package struct LevelGridFitter: Hashable, Sendable {
    /// What makes a grid the best.
    package enum Criterion: String, Hashable, Sendable, Codable {
        case range, squaredError
    }

    package let format: LevelFormat
    package let criterion: Criterion

    /// Fits grids of `format`.
    package init(format: LevelFormat, criterion: Criterion) {
        self.format = format
        self.criterion = criterion
    }

    /// Cuts of the range that are tried.
    private static let cuts = 24
    private static let smallestCut: Float = 0.35
    /// Times that scale and zero point are refitted.
    private static let refinements = 4

    /// The grid for finite `values`, each of which counts as much as its `importance`, not negative.
    package func grid(for values: Span<Float>, importance: Span<Float>) -> LevelGrid {
        let bounds = Kernels.range(of: values).bounds ?? 0...0
        // Zero stays in the range: what is pruned stays pruned, within half a level.
        let low = min(bounds.lowerBound, 0), high = max(bounds.upperBound, 0)
        let whole = grid(low: low, high: high)
        guard criterion == .squaredError, high > low else { return whole }
        var candidates = [whole]
        for cut in 0..<LevelGridFitter.cuts {
            let ratio = 1 - (1 - LevelGridFitter.smallestCut) * Float(cut) / Float(LevelGridFitter.cuts - 1)
            append(low: low, high: high, ratio: ratio, to: &candidates)
        }
        var best = whole, error = Float.infinity
        select(candidates, values, importance, &best, &error)
        for _ in 0..<LevelGridFitter.refinements {
            let before = error
            select(neighbours(of: best, values, importance), values, importance, &best, &error)
            if error >= before { break }
        }
        return best
    }

    /// The grid that just covers `low ... high`.
    private func grid(low: Float, high: Float) -> LevelGrid {
        let top = Float(format.top)
        guard high > low else { return LevelGrid(scale: 1, zeroPoint: 0, format: format) }
        if format.isSymmetric {
            return LevelGrid(scale: max(-low, high) / (format.middle - 1), zeroPoint: format.middle, format: format)
        }
        // Halves, so that the length of the range does not overflow.
        let scale = format.storable(scale: (high / 2 - low / 2) / top * 2)
        return LevelGrid(scale: scale, zeroPoint: -low / scale, format: format)
    }

    /// Grids for the range cut to `ratio` of its length.
    private func append(low: Float, high: Float, ratio: Float, to candidates: inout [LevelGrid]) {
        if format.isSymmetric {
            let largest = max(-low, high) * ratio
            for levels in [format.middle - 1, format.middle] {
                candidates.append(LevelGrid(scale: largest / levels, zeroPoint: format.middle, format: format))
            }
            return
        }
        let top = Float(format.top), step = 1 / Float(format.zeroPointSteps)
        let scale = format.storable(scale: (high / 2 - low / 2) * ratio / top * 2)
        let zero = format.storable(zeroPoint: -low * ratio / scale)
        let middle = format.storable(zeroPoint: top / 2 - (low / 2 + high / 2) / scale)
        for base in middle == zero ? [zero] : [zero, middle] {
            for shift in [0, -step, step] {
                candidates.append(LevelGrid(scale: scale, zeroPoint: base + shift, format: format))
            }
        }
    }

    /// The grid with its scale fitted to the codes it gives, and those around it.
    private func neighbours(
        of grid: LevelGrid, _ values: Span<Float>, _ importance: Span<Float>
    ) -> [LevelGrid] {
        var result: [LevelGrid] = []
        let step = 1 / Float(format.zeroPointSteps)
        for shift in format.isSymmetric ? [0] : [0, -step, step] {
            let moved = LevelGrid(scale: grid.scale, zeroPoint: grid.zeroPoint + shift, format: format)
            let moments = Kernels.gridMoments(
                values, importance: importance, scale: moved.scale, zeroPoint: moved.zeroPoint, top: moved.top)
            let fitted = moments.products / moments.squares
            for factor in [1, 0.97, 1.03] as [Float] where fitted > 0 && fitted.isFinite {
                result.append(LevelGrid(scale: fitted * factor, zeroPoint: moved.zeroPoint, format: format))
            }
        }
        return result
    }

    private func select(
        _ candidates: [LevelGrid], _ values: Span<Float>, _ importance: Span<Float>, _ best: inout LevelGrid,
        _ error: inout Float
    ) {
        let errors = Kernels.gridErrors(
            values, importance: importance, scales: candidates.map(\.scale), zeroPoints: candidates.map(\.zeroPoint),
            top: format.top)
        for (candidate, found) in zip(candidates, errors) where found < error {
            best = candidate
            error = found
        }
    }
}
