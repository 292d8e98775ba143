package import PithTensor

/// By how much the channels of a candidate's value differ from the reference's in scale, as equalization leaves them.
///
/// Least squares for each channel, `sum r c / sum r r`, along the second axis or the last, whichever fits better.
package struct ChannelFactors {
    /// Sums of products over all samples for each channel of one axis.
    private struct Sums {
        var reference: [Double] = []
        var cross: [Double] = []
        var candidate: [Double] = []
        /// Whether the axis has one length in all runs; one that has not runs over no channels.
        var isSteady = true
    }

    /// Sums by axis; for two axes the same one counts from the front and from behind.
    private var axes: [Int: Sums] = [:]

    /// Channels that differ less in scale are taken to err.
    private static let leastFactor = 1.5
    /// The share of the signal that has to lie in channels that differ by that.
    private static let leastShare = 0.25
    /// What the factors have to leave of the error, and what is left of the signal: a tenth each.
    private static let mostLeft = 0.1

    package init() {}

    /// Counts a value of both models; of unlike shape, or not `float32`, it counts for nothing.
    package mutating func add(_ reference: Tensor, _ candidate: Tensor) {
        guard reference.shape == candidate.shape, reference.shape.rank >= 2, reference.count > 0,
            let ours = candidate.floats(), let theirs = reference.floats()
        else { return }
        for axis in Set([1, reference.shape.rank - 1]) {
            let (outer, length, inner) = reference.shape.strides(around: axis)
            var sums = axes[axis] ?? Sums()
            if sums.cross.isEmpty {
                let zeros = [Double](repeating: 0, count: length)
                sums = Sums(reference: zeros, cross: zeros, candidate: zeros)
            }
            guard sums.isSteady, sums.cross.count == length else {
                sums.isSteady = false
                axes[axis] = sums
                continue
            }
            for block in 0..<outer {
                for channel in 0..<length {
                    let start = (block * length + channel) * inner
                    for place in start..<start + inner {
                        let r = Double(theirs[place]), c = Double(ours[place])
                        sums.reference[channel] += r * r
                        sums.cross[channel] += r * c
                        sums.candidate[channel] += c * c
                    }
                }
            }
            axes[axis] = sums
        }
    }

    /// The axis and its factors, if they explain most of what the values differ by; nil where values are of one scale.
    package var found: (axis: Int, factors: [Float])? {
        let fits = axes.compactMap { axis, sums -> (axis: Int, left: Double, factors: [Float])? in
            guard let (left, factors) = fit(sums) else { return nil }
            return (axis, left, factors)
        }
        return fits.min { ($0.left, $0.axis) < ($1.left, $1.axis) }.map { ($0.axis, $0.factors) }
    }

    private func fit(_ sums: Sums) -> (left: Double, factors: [Float])? {
        guard sums.isSteady, sums.cross.allSatisfy(\.isFinite) else { return nil }
        var left = 0.0, plain = 0.0, signal = 0.0
        let factors = sums.cross.indices.map { channel -> Double in
            let r = sums.reference[channel], x = sums.cross[channel], c = sums.candidate[channel]
            plain += max(r - 2 * x + c, 0)
            signal += c
            // A channel that stands the other way round, or still, is not one of another scale.
            guard r > 0, x > 0 else {
                left += max(r - 2 * x + c, 0)
                return 1
            }
            left += max(c - x * x / r, 0)
            return x / r
        }
        // A few small channels may differ by chance: what counts is where the numbers are.
        let scaled = zip(factors, sums.candidate).reduce(0) { sum, channel in
            sum + (max(channel.0, 1 / channel.0) >= ChannelFactors.leastFactor ? channel.1 : 0)
        }
        guard signal > 0, scaled >= ChannelFactors.leastShare * signal,
            left <= ChannelFactors.mostLeft * min(plain, signal)
        else { return nil }
        return (left, factors.map { Float($0) })
    }
}

extension Tensor {
    /// This value with each channel of `axis` times its factor; as it is where its length is another.
    package func scaled(_ axis: Int, by factors: [Float]) -> Tensor {
        guard axis < shape.rank, let numbers = floats() else { return self }
        let (outer, length, inner) = shape.strides(around: axis)
        guard length == factors.count else { return self }
        var result = numbers
        for block in 0..<outer {
            for channel in 0..<length {
                let start = (block * length + channel) * inner
                for place in start..<start + inner { result[place] *= factors[channel] }
            }
        }
        return Tensor(result, shape: shape)
    }
}
