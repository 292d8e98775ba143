import PithCompression
import PithTensor
import Testing

struct EntropySearchTests {
    private func range(_ values: [Float]) -> ActivationRange {
        var histogram = ActivationHistogram()
        histogram.add(values.span)
        return ActivationRange(histogram, .entropy, percentile: 99, levels: 256)
    }

    /// Sums of four uniform numbers in -1...1, and two numbers far out.
    private func bell(outlier: Float) -> [Float] {
        var generator = SplitMix64(seed: 4)
        return (0..<100_000).map { _ in
            (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &generator) }
        } + [outlier, -outlier]
    }

    @Test func `two numbers far out are clipped, and the body is kept`() {
        let range = range(bell(outlier: 15))
        #expect(range.high < 6)
        #expect(range.high > 2.5)
        #expect(range.low == -range.high)
    }

    @Test func `an even distribution keeps its whole range`() {
        let range = range((-5000...5000).map { Float($0) / 5000 })
        #expect(range.low == -1)
        #expect(range.high == 1)
    }

    @Test func `the ends stay inside what was seen, on each side`() {
        let values = bell(outlier: 15).map { max($0, -0.5) }, range = range(values)
        #expect(range.low == -0.5)
        #expect(range.high < 8)
    }

    @Test func `how often an activation is exactly zero does not matter`() {
        let values = bell(outlier: 15).map { max($0, 0) }
        #expect(range(values + [Float](repeating: 0, count: 900_000)) == range(values))
    }
}
