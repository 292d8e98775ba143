internal import Foundation

/// The Kullback-Leibler divergence between two rows of outputs, in nats.
enum Divergence {
    /// The least probability that counts, so that a quantized zero does not outweigh every other row.
    static let leastProbability = 1e-12

    /// `sum p log(p / q)` of rows that are distributions or, by their softmax, become ones; from 0 to `limit`.
    static func nats(_ reference: ArraySlice<Float>, _ candidate: ArraySlice<Float>, limit: Double) -> Double {
        let value =
            isDistribution(reference) ? ofProbabilities(reference, candidate) : ofLogits(reference, candidate)
        return value.isFinite ? min(max(value, 0), limit) : limit
    }

    /// Whether nothing is negative and the sum is 1 within .001.
    static func isDistribution(_ values: ArraySlice<Float>) -> Bool {
        var sum = 0.0
        for value in values {
            guard value >= 0 else { return false }
            sum += Double(value)
        }
        return abs(sum - 1) <= 0.001
    }

    private static func ofProbabilities(_ reference: ArraySlice<Float>, _ candidate: ArraySlice<Float>) -> Double {
        var sumP = 0.0, sumQ = 0.0, value = 0.0
        for index in reference.indices {
            sumP += max(Double(reference[index]), leastProbability)
            sumQ += max(Double(candidate[index]), leastProbability)
        }
        for index in reference.indices {
            let p = max(Double(reference[index]), leastProbability) / sumP
            value += p * log(p * sumQ / max(Double(candidate[index]), leastProbability))
        }
        return value
    }

    /// `sum p (r - o) - log(sum exp r) + log(sum exp o)`: one exponential for each number.
    private static func ofLogits(_ reference: ArraySlice<Float>, _ candidate: ArraySlice<Float>) -> Double {
        let topR = Double(reference.max() ?? 0), topO = Double(candidate.max() ?? 0)
        var sumR = 0.0, sumO = 0.0, weighted = 0.0
        for index in reference.indices {
            let r = Double(reference[index]) - topR, o = Double(candidate[index]) - topO
            let e = exp(r)
            sumR += e
            sumO += exp(o)
            if e > 0 { weighted += e * (r - o) }
        }
        return weighted / sumR - log(sumR) + log(sumO)
    }
}
