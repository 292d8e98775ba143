import Foundation

/// Finds what each channel between two layers is divided by, so that channels need the same levels.
///
/// | balance | factor of a channel |
/// | --- | --- |
/// | weights | `sqrt(r1 / r2)`: largest weights of what makes the channel and of what reads it become the same |
/// | activations | `a^p / r2^(1 - p)`: `a` its largest magnitude on data; `r2` relative to the largest of each output |
///
/// Rounds go over all pairs until no factor moves, since a layer between two others has factors on both sides.
struct ChannelBalance {
    let matrices: [ChannelMatrix]
    let pairs: [EqualizationPair]
    /// The power of activations, for each pair; nil where weights alone are balanced.
    let strength: Double?
    /// Largest magnitudes of each pair's channels on data; needed with a strength.
    let peaks: [[Float]]
    /// How far a factor may lie from the middle of its pair's, either way.
    let limit: Double

    private static let mostRounds = 40
    private static let settled = 0.01

    /// The factors of each pair by channel of the first layer, and the number of rounds.
    func factors() -> (factors: [[Double]], rounds: Int) {
        var factors = pairs.map { [Double](repeating: 1, count: matrices[$0.first].outputs) }
        var rounds = 0
        var isSettled = pairs.isEmpty
        while !isSettled, rounds < ChannelBalance.mostRounds {
            rounds += 1
            var largest = 0.0
            for place in pairs.indices {
                let next = strength.map { byActivations(place, factors, $0) } ?? byWeights(place, factors)
                for (old, new) in zip(factors[place], next) { largest = max(largest, abs(log(new / old))) }
                factors[place] = next
            }
            isSettled = largest < ChannelBalance.settled
        }
        return (factors, rounds)
    }

    /// What a layer's outputs and inputs are multiplied with.
    func sides(of matrix: Int, _ factors: [[Double]]) -> (outputs: [Double], inputs: [Double]) {
        let layer = matrices[matrix]
        var sides = (
            outputs: [Double](repeating: 1, count: layer.outputs), inputs: [Double](repeating: 1, count: layer.inputs)
        )
        if let place = pairs.firstIndex(where: { $0.first == matrix }) { sides.outputs = factors[place].map { 1 / $0 } }
        if let place = pairs.firstIndex(where: { $0.second == matrix }) {
            sides.inputs = sides.inputs.indices.map { factors[place][$0 / pairs[place].repeats] }
        }
        return sides
    }

    /// The power of two whose ratio to `factor` is nearest to 1, of those that lie within `limit` of 1, either way.
    static func powerOfTwo(near factor: Double, within limit: Double) -> Double {
        let most = log2(limit).rounded(.down)
        return exp2(min(max(log2(factor).rounded(), -most), most))
    }

    private func byWeights(_ place: Int, _ factors: [[Double]]) -> [Double] {
        let pair = pairs[place], made = sides(of: pair.first, factors), read = sides(of: pair.second, factors)
        let first = matrices[pair.first].peaks(outputs: made.outputs, inputs: made.inputs).outputs
        let second = grouped(matrices[pair.second].peaks(outputs: read.outputs, inputs: read.inputs).inputs, pair)
        let next = factors[place].indices.map { channel in
            first[channel] > 0 && second[channel] > 0
                ? factors[place][channel] * (first[channel] / second[channel]).squareRoot() : factors[place][channel]
        }
        return limited(next)
    }

    private func byActivations(_ place: Int, _ factors: [[Double]], _ strength: Double) -> [Double] {
        let pair = pairs[place], next = matrices[pair.second]
        let power = next.isDepthwise ? 1 : strength
        // A scale for each output makes the size of its row nothing to worry about.
        let inputs = [Double](repeating: 1, count: next.inputs)
        let rows = next.peaks(outputs: [Double](repeating: 1, count: next.outputs), inputs: inputs).outputs
        let columns = grouped(next.peaks(outputs: rows.map { $0 > 0 ? 1 / $0 : 0 }, inputs: inputs).inputs, pair)
        let found = peaks[place].indices.map { channel -> Double in
            let peak = Double(peaks[place][channel])
            guard peak > 0, columns[channel] > 0 else { return 0 }
            return pow(peak, power) / pow(columns[channel], 1 - power)
        }
        let sizes = found.filter { $0 > 0 }.sorted()
        guard !sizes.isEmpty else { return factors[place] }
        let middle = sizes[sizes.count / 2]
        return limited(found.map { $0 > 0 ? $0 / middle : 1 })
    }

    /// The largest of the inputs that come from each output of a pair's first layer.
    private func grouped(_ inputs: [Double], _ pair: EqualizationPair) -> [Double] {
        stride(from: 0, to: inputs.count, by: pair.repeats).map { inputs[$0..<$0 + pair.repeats].max() ?? 0 }
    }

    private func limited(_ factors: [Double]) -> [Double] {
        factors.map { min(max($0, 1 / limit), limit) }
    }
}
