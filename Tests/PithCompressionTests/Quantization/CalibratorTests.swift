import PithCompression
import PithModel
import PithTensor
import Testing

struct CalibratorTests {
    private func range(
        _ values: [Float], _ calibrator: Calibrator, percentile: Double = 99, levels: Int = 256
    ) -> ActivationRange {
        var histogram = ActivationHistogram()
        histogram.add(values.span)
        return ActivationRange(histogram, calibrator, percentile: percentile, levels: levels)
    }

    @Test func `minmax takes the whole range, and zero has a level of its own`() {
        let range = range([-1, 0.5, 3], .minmax)
        #expect(range.low == -1)
        #expect(range.high == 3)
        let unsigned = range.format(.uint8), signed = range.format(.int8)
        #expect(unsigned.scale == Float(4.0 / 255))
        #expect(unsigned.zeroPoint == 64)
        #expect(signed.zeroPoint == -64)
        #expect(signed.scale == unsigned.scale)
    }

    @Test(arguments: Calibrator.allCases) func `zero lies in every range`(calibrator: Calibrator) {
        let positive = range((100..<200).map { Float($0) }, calibrator)
        #expect(positive.low == 0)
        #expect(positive.format(.uint8).zeroPoint == 0)
        #expect(positive.format(.int8).zeroPoint == -128)
        let negative = range((100..<200).map { -Float($0) }, calibrator)
        #expect(negative.high == 0)
        #expect(negative.format(.uint8).zeroPoint == 255)
        #expect(negative.format(.int8).zeroPoint == 127)
    }

    @Test(arguments: Calibrator.allCases) func `an activation that is always zero gets a harmless format`(
        calibrator: Calibrator
    ) {
        let format = range([Float](repeating: 0, count: 100), calibrator).format(.uint8)
        #expect(format.scale == 1)
        #expect(format.zeroPoint == 0)
        let nothing = ActivationRange(ActivationHistogram(), calibrator, percentile: 99, levels: 256)
        #expect(nothing.format(.int8).scale == 1)
    }

    @Test(arguments: Calibrator.allCases) func `a constant activation keeps its value within half a step`(
        calibrator: Calibrator
    ) {
        for value: Float in [5, -0.3, 1e-6, 3e30] {
            let format = range([Float](repeating: value, count: 50), calibrator).format(.uint8)
            let level = (value / format.scale).rounded() + Float(format.zeroPoint)
            #expect((0...255).contains(level))
            #expect(abs((level - Float(format.zeroPoint)) * format.scale - value) <= format.scale / 2 * 1.001)
        }
    }

    @Test func `denormal activations do not make a scale of zero`() {
        let format = range([Float(bitPattern: 714), 0], .minmax).format(.uint8)
        #expect(format.scale >= Float.leastNormalMagnitude)
    }

    @Test func `a percentile leaves out the outermost values`() {
        // 0..<1000 and one far out: bins are 64 wide, as the largest value lies below 65,536.
        let values = (0..<1000).map { Float($0) } + [60_000]
        #expect(range(values, .percentile, percentile: 100).high > 59_000)
        let clipped = range(values, .percentile, percentile: 99.8)
        #expect(clipped.high == 15.5 * 64)
        #expect(clipped.low == 0)
        let both = range(values + values.map { -$0 }, .percentile, percentile: 99.8)
        #expect(both.high == 15.5 * 64)
        #expect(both.low == -15.5 * 64)
    }

    @Test(arguments: [16, 256]) func `the least squared error is found and is no worse than any other range`(
        levels: Int
    ) {
        var generator = SplitMix64(seed: 9)
        // A heavy tail: the product of three uniform numbers, and a few far out.
        let values = (0..<20_000).map { index in
            let size: Float = index % 4000 == 0 ? 8 : 1
            return size
                * (0..<3).reduce(Float(1)) { product, _ in product * Float.random(in: -1.5...1.5, using: &generator) }
        }
        func error(_ range: ActivationRange) -> Double {
            let scale = (range.high - range.low) / Float(levels - 1), zero = (-range.low / scale).rounded()
            return values.reduce(0.0) { sum, value in
                let level = min(max((value / scale).rounded() + zero, 0), Float(levels - 1))
                let difference = Double(value - (level - zero) * scale)
                return sum + difference * difference
            }
        }
        let best = range(values, .mse, levels: levels), full = range(values, .minmax, levels: levels)
        #expect(error(best) < error(full) * (levels == 16 ? 0.5 : 1))
        var smallest = Double.infinity
        for high in stride(from: 0.3, through: 1.0, by: 0.02) {
            for low in stride(from: 0.3, through: 1.0, by: 0.02) {
                var trial = full
                trial.high *= Float(high)
                trial.low *= Float(low)
                smallest = min(smallest, error(trial))
            }
        }
        // The search sees bins and assumes even rounding: within a twentieth of what trying every range finds.
        #expect(error(best) <= smallest * 1.05)
    }
}
