import PithCompression
import PithTensor
import Testing

struct MovingBoundsTests {
    private func bounds(_ runs: [ClosedRange<Float>], weight: Double) -> MovingBounds {
        var bounds = MovingBounds(weight: weight)
        for run in runs { bounds.add(run) }
        return bounds
    }

    @Test func `without runs there is no average, and one run is its own`() {
        #expect(MovingBounds().bounds == nil)
        #expect(bounds([-1.5...4], weight: 0.01).bounds == -1.5...4)
    }

    @Test func `older runs count less, and the weights add up to one`() throws {
        // Weights 0.25 * 0.75^2, 0.25 * 0.75 and 0.25 over their sum 1 - 0.75^3.
        let average = try #require(bounds([-4...1, -2...2, -1...8], weight: 0.25).bounds)
        let weights = [0.140625, 0.1875, 0.25], sum = 0.578125
        let low = Float((-4 * weights[0] - 2 * weights[1] - weights[2]) / sum)
        let high = Float((weights[0] + 2 * weights[1] + 8 * weights[2]) / sum)
        #expect(abs(average.lowerBound - low) < 1e-6)
        #expect(abs(average.upperBound - high) < 1e-6)
    }

    @Test func `parts joined in order give what one stream gives`() throws {
        let runs = (0..<30).map { Float(-$0 % 7)...Float($0 * $0 % 11) }
        let whole = try #require(bounds(runs, weight: 0.05).bounds)
        for border in [1, 13, 29] {
            var first = bounds(Array(runs[..<border]), weight: 0.05)
            first.append(bounds(Array(runs[border...]), weight: 0.05))
            let joined = try #require(first.bounds)
            #expect(abs(joined.lowerBound - whole.lowerBound) < 1e-5)
            #expect(abs(joined.upperBound - whole.upperBound) < 1e-5)
        }
    }

    @Test func `one wild run moves the range of an activation a little, not all the way`() {
        var observation = Observation(averageWeight: 0.01)
        for run in 0..<100 {
            observation.add(Tensor(vector: [-1, 1, run == 50 ? 101 : 0.5] as [Float]), channelAxis: nil)
        }
        let range = observation.range(.movingAverage, percentile: 99, levels: 256)
        #expect(range.low == -1)
        // 100 * 0.01 * 0.99^49 / (1 - 0.99^100) above 1.
        #expect(abs(range.high - 1.963) < 0.001)
        #expect(observation.range(.minmax, percentile: 99, levels: 256).high == 101)
    }
}
