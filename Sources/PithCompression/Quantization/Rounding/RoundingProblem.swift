import PithTensor

/// What rounding a weight is to achieve: outputs as near as possible to those wanted, over the inputs that were seen.
///
/// With `H = E[x xᵀ]`, `C = E[t xᵀ]` and `λ = damping * mean of the diagonal of H`, the error of weights `q` is
/// `E|t - q x|² + λ |q - w|²`, up to a constant `(q - w*) (H + λ) (q - w*)ᵀ` with `w* = (C + λ w) (H + λ)⁻¹`. Without `C`,
/// `w* = w`. `strength` goes part of the way from `w` to `w*`. When the layer has a bias, moments are taken about their
/// means and the bias takes up the rest.
///
/// | value      | shape               |
/// | ---------- | ------------------- |
/// | weights    | `[rows, columns]`: output channels, inputs |
/// | targets    | the same: `w*`      |
/// | curvature  | `[columns, columns]`: `H + λ` |
///
/// - Complexity: O(columns³ / 6 + rows · columns²) with `C`, O(columns²) without.
/// - Reference: Frantar et al., "GPTQ", arXiv:2210.17323, section 3 (layer-wise error); Nagel et al., "Up or down?",
///   arXiv:2004.10568, section 3.3 (asymmetric reconstruction: float targets, quantized inputs).
package struct RoundingProblem: Sendable {
    package let name: String
    /// Output channels.
    package let rows: Int
    /// Inputs of each.
    package let columns: Int
    /// The float weights.
    package let weights: [Float]
    /// The real numbers that levels are to come near.
    package let targets: [Float]
    /// The quadratic form in which distances are measured.
    package let curvature: SymmetricMatrix
    /// Mean of each input.
    package let inputMeans: [Double]
    /// Whether the inputs never vary (without a bias: are always zero), so that nothing is known of what an error costs.
    package let seesNothing: Bool
    /// Mean of each wanted output; nil when the float weights on the same inputs are what is wanted.
    package let outputMeans: [Double]?

    /// Sets the problem up for `rows * columns` weights.
    ///
    /// `inputs` are moments of what the rounded layer will get, `outputs` of the wanted outputs (with or without the layer's
    /// bias) with the same inputs. `hasBias` says whether a bias can take up differences of means. `damping`, above 0, is
    /// the part of the mean of the diagonal that is added to it; nil takes ``recommendedDamping(inputs:)``. `strength`, 0 through 1, is how far targets go from the weights to those that give the wanted outputs.
    ///
    /// - Throws: `CompressionError` `.unsupportedShape`, `.nonFiniteWeight`, `.missingData` (no rows), `.invalidSetting`
    ///   (damping or strength out of range, or a damping too small for these moments), `.invalidData` (moments overflowed).
    package init(
        named name: String, weights: [Float], rows: Int, columns: Int, inputs: SecondMoments,
        outputs: CrossMoments? = nil, hasBias: Bool, damping: Double? = nil, strength: Double = 1
    ) throws(CompressionError) {
        try RoundingProblem.check(name, weights, rows, columns)
        let damping = damping ?? RoundingProblem.recommendedDamping(inputs: inputs)
        try RoundingProblem.check(name, damping, strength)
        try RoundingProblem.check(name, rows, columns, inputs, outputs)
        let moments = inputs.matrix(isCentered: hasBias), mean = moments.meanDiagonal
        guard mean.isFinite else { throw RoundingProblem.overflow(name) }
        // Inputs that are always zero say nothing: all weights count the same then.
        let amount = damping * (mean > 0 ? mean : 1)
        seesNothing = mean <= 0
        self.name = name
        self.rows = rows
        self.columns = columns
        self.weights = weights
        curvature = moments.adding(toDiagonal: amount)
        inputMeans = inputs.means
        outputMeans = outputs?.outputMeans
        guard let outputs, strength > 0 else {
            targets = weights
            return
        }
        let wanted = try RoundingProblem.solution(
            name, weights, outputs.matrix(isCentered: hasBias), curvature, amount)
        targets = zip(weights, wanted).map { weight, wanted in
            Float(Double(weight) + strength * (wanted - Double(weight)))
        }
        guard Kernels.range(of: targets.span).nonFinite == 0 else { throw RoundingProblem.overflow(name) }
    }

    /// `0.02 + 4 inputs / rows`, at most 1: the fewer rows were seen for each input, the less their moments are trusted.
    ///
    /// Found on a language model (160 and 432 inputs, 12,288 rows: best at 0.1) and a sentence encoder (384 and 1536 inputs,
    /// 3,600 rows: best at 1), where 0.01 overfits; convolutions see thousands of rows for each input.
    package static func recommendedDamping(inputs: SecondMoments) -> Double {
        min(0.02 + 4 * Double(inputs.dimension) / Double(max(inputs.count, 1)), 1)
    }

    /// What must be added to `decoded x` so that its mean is that of the wanted outputs.
    ///
    /// It is the new bias where the wanted outputs hold the layer's bias, and an amount to add to it where they do not.
    package func bias(for decoded: [Float]) -> [Double] {
        precondition(decoded.count == weights.count, "The decoded weights have the shape of the float ones.")
        return (0..<rows).map { row in
            var mean = 0.0, float = 0.0
            for column in 0..<columns {
                mean += Double(decoded[row * columns + column]) * inputMeans[column]
                float += Double(weights[row * columns + column]) * inputMeans[column]
            }
            return (outputMeans?[row] ?? float) - mean
        }
    }

    /// `(q - targets) curvature (q - targets)ᵀ` for each row of `decoded`.
    package func errors(of decoded: [Float]) -> [Double] {
        precondition(decoded.count == weights.count, "The decoded weights have the shape of the float ones.")
        let lanes = LaneLayout.lanes
        var result: [Double] = [], panel = [Double](repeating: 0, count: columns * lanes)
        for first in stride(from: 0, to: rows, by: lanes) {
            let width = min(lanes, rows - first)
            for lane in 0..<width {
                for column in 0..<columns {
                    let index = (first + lane) * columns + column
                    panel[column * lanes + lane] = Double(targets[index]) - Double(decoded[index])
                }
            }
            result += Kernels.quadratic(curvature.elements.span, dimension: columns, lanes: panel)[..<width]
        }
        return result
    }

    /// The factor that brings `decoded` weights, one part for each problem, nearest to the targets.
    ///
    /// It is 1 where there is none above 0. Problems whose inputs never vary do not count.
    static func bestFactor(for decoded: [[Float]], of problems: [RoundingProblem]) -> Double {
        // f -> (f q - t) H (f q - t) at 0, 1 and 2.
        var errors = [0.0, 0.0, 0.0]
        for (part, problem) in zip(decoded, problems) where !problem.seesNothing {
            for times in 0...2 { errors[times] += problem.errors(of: part.map { Float(times) * $0 }).reduce(0, +) }
        }
        let energy = (errors[2] - 2 * errors[1] + errors[0]) / 2, product = (energy + errors[0] - errors[1]) / 2
        return energy > 0 && product > 0 && product.isFinite ? product / energy : 1
    }

    private static func solution(
        _ name: String, _ weights: [Float], _ cross: [Double], _ curvature: SymmetricMatrix, _ amount: Double
    ) throws(CompressionError) -> [Double] {
        guard let factor = CholeskyFactor(curvature) else { throw weakDamping(name) }
        return factor.solvingRows(zip(cross, weights).map { $0 + amount * Double($1) })
    }
}
