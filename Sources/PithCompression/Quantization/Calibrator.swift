package import PithModel
package import PithTensor

/// How the range of an activation is chosen from its distribution.
public enum Calibrator: String, Codable, Sendable, CaseIterable {
    /// The whole range that was seen.
    case minmax
    /// The range that leaves out the outermost share of the values on each side.
    case percentile
    /// The range with the smallest mean squared error of quantization over the histogram.
    case mse
    /// The range whose levels tell most of the distribution: the least relative entropy.
    case entropy
    /// The average of the ranges of all runs, older ones counting less.
    case movingAverage = "moving-average"
    /// For each activation the one of the others whose rounding is measured to err least.
    case best

    /// Those that choose a range by a rule of their own, in the order in which ties between them are decided.
    package static let rules: [Calibrator] = [.mse, .percentile, .entropy, .movingAverage, .minmax]
}

/// The numbers of an activation that are kept apart by integers; those outside become the nearest of its ends.
///
/// - Reference: Krishnamoorthi, arXiv:1806.08342, section 2; Wu et al., "Integer Quantization for Deep Learning
///   Inference", arXiv:2004.09602, section 3.3 (percentile); Sung et al., arXiv:1511.06488 (least squared error).
package struct ActivationRange: Hashable {
    /// Smallest value that is kept, at most 0.
    package var low: Float
    /// Largest value that is kept, at least 0.
    package var high: Float

    /// The range of `histogram` by `calibrator`; it always holds zero, which must be exact for padding.
    ///
    /// `average` is what the runs gave for a moving average, which takes the whole range without it; `best`, which takes
    /// measurement, is here the squared error.
    package init(
        _ histogram: ActivationHistogram, _ calibrator: Calibrator, percentile: Double, levels: Int,
        average: MovingBounds = MovingBounds()
    ) {
        low = min(histogram.minimum, 0)
        high = max(histogram.maximum, 0)
        switch calibrator {
        case .minmax: break
        case .percentile: clip(histogram, keeping: percentile / 100)
        case .mse, .best: minimizeError(histogram, levels: levels)
        case .entropy: self = EntropySearch(histogram, groups: levels / 2).range(within: self)
        case .movingAverage:
            guard let bounds = average.bounds else { return }
            low = min(max(low, bounds.lowerBound), 0)
            high = max(min(high, bounds.upperBound), 0)
        }
    }

    /// Affine format of an integer type over this range.
    ///
    /// The zero point is rounded so that zero has a level of its own.
    package func format(_ type: ScalarType) -> ActivationFormat {
        let bounds = type.integerRange ?? 0...255
        let span = Double(bounds.count - 1), width = Double(high) - Double(low)
        // An activation that is always zero keeps a harmless scale.
        let scale = width > 0 ? Float(width / span) : 1
        guard scale >= Float.leastNormalMagnitude else {
            return ActivationFormat(type: type, scale: Float.leastNormalMagnitude, zeroPoint: bounds.lowerBound)
        }
        let zero = (Double(bounds.lowerBound) - Double(low) / Double(scale)).rounded(.toNearestOrEven)
        let zeroPoint = Int(min(max(zero, Double(bounds.lowerBound)), Double(bounds.upperBound)))
        return ActivationFormat(type: type, scale: scale, zeroPoint: zeroPoint)
    }

    private mutating func clip(_ histogram: ActivationHistogram, keeping share: Double) {
        let columns = histogram.columns, allowed = Double(histogram.count) * (1 - share)
        var left = 0.0
        for column in columns {
            left += Double(column.count)
            guard left <= allowed else {
                low = min(max(low, column.value), 0)
                break
            }
        }
        var right = 0.0
        for column in columns.reversed() {
            right += Double(column.count)
            guard right <= allowed else {
                high = max(min(high, column.value), 0)
                break
            }
        }
    }

    /// Shrinks one end after the other in small steps as long as the error falls.
    private mutating func minimizeError(_ histogram: ActivationHistogram, levels: Int) {
        let columns = histogram.columns, zeros = histogram.zeros
        let full = self
        var best = error(of: columns, zeros: zeros, levels: levels)
        for _ in 0..<3 {
            let before = self
            for end in [\ActivationRange.high, \ActivationRange.low] where full[keyPath: end] != 0 {
                for step in 0...140 {
                    var trial = self
                    trial[keyPath: end] = full[keyPath: end] * (0.3 + 0.005 * Float(step))
                    let error = trial.error(of: columns, zeros: zeros, levels: levels)
                    if error < best { (best, self) = (error, trial) }
                }
            }
            if self == before { break }
        }
    }

    /// Sum of squared errors: of rounding inside the range, of clipping outside; zeros are exact.
    private func error(of columns: [(value: Float, count: Int)], zeros: Int, levels: Int) -> Double {
        let step = Double(high - low) / Double(levels - 1)
        guard step > 0 else { return .infinity }
        var inside = -zeros, clipping = 0.0
        for column in columns {
            let outside = Double(max(column.value - high, low - column.value, 0))
            if outside > 0 { clipping += outside * outside * Double(column.count) } else { inside += column.count }
        }
        return clipping + Double(inside) * step * step / 12
    }
}
