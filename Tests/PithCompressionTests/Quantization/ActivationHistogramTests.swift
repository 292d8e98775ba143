import PithCompression
import PithTensor
import Testing

struct ActivationHistogramTests {
    private func histogram(_ runs: [[Float]]) -> ActivationHistogram {
        var histogram = ActivationHistogram()
        for run in runs { histogram.add(run.span) }
        return histogram
    }

    private func numbers(_ count: Int, seed: UInt64) -> [Float] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { index in
            let size: Float = index % 97 == 0 ? 300 : index % 7 == 0 ? 5 : 0.25
            return Float.random(in: -size...size, using: &generator)
        }
    }

    @Test func `values fall into bins by magnitude and sign`() {
        let histogram = histogram([[3.2, -3.2, 0, 0.002]]), width: Float = 1 / 256
        // 3.2 needs 1,024 bins of 1/256; 3.2 * 256 = 819.2.
        #expect(histogram.width == width)
        #expect(histogram.bins[819] == 1)
        #expect(histogram.bins[1024 + 819] == 1)
        #expect(histogram.bins[1024] == 2)
        #expect(histogram.count == 4)
        #expect(histogram.zeros == 1)
        #expect(histogram.columns.map(\.count) == [1, 2, 1])
        let middles: [Float] = [-819.5 * width, 0.5 * width, 819.5 * width]
        #expect(histogram.columns.map(\.value) == middles)
    }

    @Test func `a larger value widens the bins and moves the old ones`() {
        let histogram = histogram([[0.5, 0.25, -0.5], [1000]])
        #expect(histogram.width == 1)
        #expect(histogram.bins[0] == 1)
        #expect(histogram.bins[1024] == 2)
        #expect(histogram.bins[1024 + 1000] == 1)
        #expect(histogram.minimum == -0.5)
        #expect(histogram.maximum == 1000)
    }

    @Test func `widening from the smallest to the largest numbers loses none`() {
        let histogram = histogram([
            [0], [1e-38], [1e-20], [1], [Float.greatestFiniteMagnitude], [-Float(bitPattern: 71_362)],
        ])
        #expect(histogram.count == 6)
        #expect(histogram.zeros == 1)
        #expect(histogram.bins[1024 + 1023] == 1)
        #expect(histogram.width == Float(sign: .plus, exponent: 118, significand: 1))
    }

    @Test(arguments: [1, 7, 64, 1000]) func `the order and size of runs make no difference`(size: Int) {
        let values = numbers(3000, seed: 3)
        let whole = histogram([values])
        let pieces = stride(from: 0, to: values.count, by: size).map {
            Array(values[$0..<min($0 + size, values.count)])
        }
        #expect(histogram(pieces) == whole)
        #expect(histogram(pieces.reversed()) == whole)
        #expect(whole.count == 3000)
    }

    @Test func `merging equals adding, whichever is wider`() {
        let small = numbers(500, seed: 1).map { $0 / 1000 }, large = numbers(500, seed: 2)
        let both = histogram([small, large])
        for (first, second) in [(small, large), (large, small)] {
            var merged = histogram([first])
            merged.merge(histogram([second]))
            #expect(merged == both)
        }
        var empty = ActivationHistogram()
        empty.merge(both)
        #expect(empty == both)
        empty.merge(ActivationHistogram())
        #expect(empty == both)
    }

    @Test func `values that are not finite are counted apart`() {
        let histogram = histogram([[.nan, .infinity, -.infinity, 1]])
        #expect(histogram.nonFinite == 3)
        #expect(histogram.count == 1)
        #expect(histogram.maximum == 1)
        #expect(histogram.minimum == 0)
    }
}
