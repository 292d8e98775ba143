import PithTensor

/// The distribution of one activation over all samples, gathered as a stream.
///
/// Magnitudes fall into 1,024 bins of equal width for each sign. The width is a power of two that doubles (merging bins
/// in pairs) when a larger value comes, so the result does not depend on the order of the samples, and memory not on
/// their number.
public struct ActivationHistogram: Sendable, Hashable {
    /// Bins for each sign.
    package static let half = 1024

    /// Counts of negative values, then of the others, each by magnitude.
    package private(set) var bins = [Int](repeating: 0, count: 2 * half)
    /// Base-2 logarithm of the width of a bin.
    private var exponent = Int.min
    /// Smallest value seen, at most 0.
    public private(set) var minimum: Float = 0
    /// Largest value seen, at least 0.
    public private(set) var maximum: Float = 0
    /// Values that were exactly zero.
    public private(set) var zeros = 0
    /// Values that were NaN or infinite.
    public private(set) var nonFinite = 0

    /// Nothing seen yet.
    public init() {}

    /// Width of a bin in the activation's unit.
    package var width: Float { exponent == Int.min ? 1 : Float(sign: .plus, exponent: exponent, significand: 1) }

    /// Adds the values of one run.
    public mutating func add(_ values: Span<Float>) {
        let (bounds, bad) = Kernels.range(of: values)
        nonFinite += bad
        zeros += Kernels.zeros(in: values)
        guard let bounds else { return }
        minimum = min(minimum, bounds.lowerBound)
        maximum = max(maximum, bounds.upperBound)
        widen(to: max(-minimum, maximum))
        var counts = [UInt32](repeating: 0, count: 2 * ActivationHistogram.half)
        Kernels.histogram(of: values, inverseWidth: 1 / width, into: &counts)
        for index in bins.indices { bins[index] += Int(counts[index]) }
    }

    /// Adds what another histogram of the same activation has seen.
    public mutating func merge(_ other: ActivationHistogram) {
        var other = other
        nonFinite += other.nonFinite
        zeros += other.zeros
        minimum = min(minimum, other.minimum)
        maximum = max(maximum, other.maximum)
        widen(to: max(-minimum, maximum))
        other.widen(to: max(-minimum, maximum))
        for index in bins.indices { bins[index] += other.bins[index] }
    }

    /// Makes the bins wide enough for `magnitude`.
    private mutating func widen(to magnitude: Float) {
        // Denormal magnitudes would make an infinite reciprocal of the width.
        let needed = max(Int(max(magnitude, 1e-30).exponent) + 1 - 10, -100)
        guard needed > exponent else { return }
        let doublings = exponent == Int.min ? 0 : needed - exponent
        exponent = needed
        for _ in 0..<min(doublings, 12) {
            for start in [0, ActivationHistogram.half] {
                for bin in 0..<ActivationHistogram.half / 2 {
                    bins[start + bin] = bins[start + 2 * bin] + bins[start + 2 * bin + 1]
                }
                for bin in ActivationHistogram.half / 2..<ActivationHistogram.half { bins[start + bin] = 0 }
            }
        }
    }

    /// Number of finite values.
    public var count: Int { bins.reduce(0, +) }

    /// The values as pairs of a bin's middle and its count, from the smallest to the largest; empty bins left out.
    package var columns: [(value: Float, count: Int)] {
        let half = ActivationHistogram.half
        var columns: [(value: Float, count: Int)] = []
        for bin in (0..<half).reversed() where bins[bin] > 0 {
            columns.append((-(Float(bin) + 0.5) * width, bins[bin]))
        }
        for bin in 0..<half where bins[half + bin] > 0 {
            columns.append(((Float(bin) + 0.5) * width, bins[half + bin]))
        }
        return columns
    }
}
