import PithModel
import PithTensor

/// The distance of neighbouring levels in each channel of a weight: one for all, wider where the largest would not fit 8 bits.
struct LevelSteps {
    private let shape: Shape
    /// The axis of the channels, and one step for each index of it.
    let axis: Int
    let steps: [Float]
    /// The step of channels that are not widened.
    let least: Float
    /// Whether the stored form has to keep a scale for each channel though they are all the same, as tables do.
    private let keepsChannels: Bool

    /// Steps of `step` times `spread`, or times the root mean square of the values; of the `axes` that a layer has, channels lie
    /// along the one where widening does least.
    init(
        of values: Span<Float>, _ shape: Shape, axes: [Int], keepsChannels: Bool = false, step: Double, spread: Double?
    ) {
        let wanted = Float(step * (spread ?? LevelSteps.spread(of: values)))
        // A weight of zeros keeps a harmless step of 1: its levels are 0.
        let least = wanted >= Float.leastNormalMagnitude ? wanted : 1
        let options = axes.map { axis in
            (axis, LevelSteps.maxima(of: values, shape, axis).map { max(least, $0 / LevelSearch.largestValue) })
        }
        func noise(_ steps: [Float]) -> Double {
            steps.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(steps.count, 1))
        }
        let best = options.min { noise($0.1) < noise($1.1) }
        self.shape = shape
        self.least = least
        axis = best?.0 ?? 0
        steps = best?.1 ?? []
        self.keepsChannels = keepsChannels
    }

    /// The root mean square, a few outliers beyond 16 times of it left out: one huge number would take the steps of all others with it.
    ///
    /// At most one in 1,000 counts as an outlier: more are a channel of its own size, whose errors count as much as it is large.
    static func spread(of values: Span<Float>) -> Double {
        var spread = (energy(of: values) / Double(max(values.count, 1))).squareRoot(), count = values.count
        while count > 0 {
            let limit = Float(16 * spread)
            var kept = 0, energy = 0.0
            for index in values.indices where abs(values[index]) <= limit {
                kept += 1
                energy += Double(values[index]) * Double(values[index])
            }
            guard kept < count, values.count - kept <= max(values.count / 1000, 1) else { break }
            (count, spread) = (kept, (energy / Double(kept)).squareRoot())
        }
        return spread
    }

    /// The sum of squares.
    static func energy(of values: Span<Float>) -> Double {
        var energy = 0.0
        for index in values.indices { energy += Double(values[index]) * Double(values[index]) }
        return energy
    }

    /// Whether some channel has a wider step.
    var isWidened: Bool { steps.contains { $0 > least } }

    private static func maxima(of values: Span<Float>, _ shape: Shape, _ axis: Int) -> [Float] {
        let (outer, length, inner) = shape.strides(around: axis)
        var maxima = [Float](repeating: 0, count: length)
        for block in 0..<outer {
            for channel in 0..<length {
                let start = (block * length + channel) * inner
                var largest = maxima[channel]
                for index in start..<start + inner { largest = max(largest, abs(values[index])) }
                maxima[channel] = largest
            }
        }
        return maxima
    }

    /// Calls `body` with each run of neighbours of the same channel.
    private func forEachRun(_ body: (_ range: Range<Int>, _ channel: Int) -> Void) {
        let (outer, length, inner) = shape.strides(around: axis)
        for block in 0..<outer {
            for channel in 0..<length {
                let start = (block * length + channel) * inner
                body(start..<start + inner, channel)
            }
        }
    }

    /// The weight in steps.
    func scaled(_ values: Span<Float>) -> [Float] {
        var scaled = [Float](repeating: 0, count: values.count)
        let limit = LevelSearch.largestValue
        forEachRun { range, channel in
            let step = steps[channel]
            // The quotient may be rounded up past the limit.
            for index in range { scaled[index] = min(max(values[index] / step, -limit), limit) }
        }
        return scaled
    }

    /// How much an error of one step counts in each place, against the least step; empty where all count the same.
    func weights(count: Int) -> [Float] {
        guard isWidened else { return [] }
        var weights = [Float](repeating: 1, count: count)
        forEachRun { range, channel in
            let factor = steps[channel] / least
            for index in range { weights[index] = factor * factor }
        }
        return weights
    }

    /// The step of each number of a weight.
    func all(count: Int) -> [Float] {
        var all = [Float](repeating: least, count: count)
        guard isWidened else { return all }
        forEachRun { range, channel in
            for index in range { all[index] = steps[channel] }
        }
        return all
    }

    /// Levels with the scales that bring them back nearest to the weight: the steps times one factor.
    func form(_ levels: [Int8], of values: Span<Float>) -> GroupedIntegers {
        var product = 0.0, energy = 0.0
        forEachRun { range, channel in
            var runProduct = 0.0, runEnergy = 0.0
            for index in range {
                let level = Double(levels[index])
                runProduct += level * Double(values[index])
                runEnergy += level * level
            }
            let step = Double(steps[channel])
            product += runProduct * step
            energy += runEnergy * step * step
        }
        return form(levels, times: energy > 0 && product > 0 ? product / energy : 1)
    }

    /// Levels whose scales are the steps times one factor.
    func form(_ levels: [Int8], times factor: Double) -> GroupedIntegers {
        let tensor = Tensor(levels, shape: shape), factor = Float(factor)
        guard isWidened || keepsChannels else {
            return GroupedIntegers(levels: tensor, scales: Tensor([least * factor], shape: .scalar), grouping: .tensor)
        }
        return GroupedIntegers(
            levels: tensor, scales: Tensor(vector: steps.map { $0 * factor }), grouping: .channel(axis: axis))
    }
}
