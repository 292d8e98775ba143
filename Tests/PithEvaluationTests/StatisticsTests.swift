import PithEvaluation
import PithTensor
import Testing

/// The mean of numbers that can be drawn again.
struct MeanStatistic: ResampledStatistic {
    let values: [Double]
    var sampleCount: Int { values.count }

    func value(counts: [Int32]) -> Double? {
        let total = counts.reduce(0) { $0 + Double($1) }
        return zip(values, counts).reduce(0) { $0 + $1.0 * Double($1.1) } / total
    }
}

@Suite struct StatisticsTests {
    struct Table: Sendable {
        let b: Int, c: Int, n: Int
        let lower: Double, upper: Double
    }

    /// The first two are printed by Fagerland, Lydersen and Laake (2014); the last was solved by Brent's method
    /// elsewhere.
    @Test(arguments: [
        Table(b: 6, c: 16, n: 161, lower: -0.1240, upper: -0.0054),
        Table(b: 1, c: 7, n: 21, lower: -0.5172, upper: -0.0260),
        Table(b: 40, c: 20, n: 160, lower: 0.0309, upper: 0.2181),
    ])
    func `the interval of paired proportions agrees with published tables`(table: Table) {
        let proportions = PairedProportions(referenceOnly: table.b, candidateOnly: table.c, samples: table.n)
        #expect(abs(proportions.interval.lower - table.lower) < 5e-5)
        #expect(abs(proportions.interval.upper - table.upper) < 5e-5)
        let mirrored = PairedProportions(referenceOnly: table.c, candidateOnly: table.b, samples: table.n)
        #expect(abs(mirrored.interval.lower + proportions.interval.upper) < 1e-12)
    }

    @Test func `agreement on every sample still leaves something open`() {
        #expect(abs(PairedDifference.agreementMargin(samples: 100) - 0.036993498206985664) < 1e-14)
        #expect(PairedDifference.agreementMargin(samples: 2500) < 0.00154)
        let worst = PairedProportions(referenceOnly: 5, candidateOnly: 0, samples: 5)
        #expect(worst.difference == 1 && worst.interval.upper == 1 && worst.interval.lower > 0.1)
    }

    /// The true chance that the interval holds the difference, summed over all outcomes of small samples.
    @Test(arguments: [(0.02, 0.02), (0.05, 0.01), (0.1, 0.1), (0.3, 0.05)])
    func `the interval of paired proportions covers what it promises`(b: Double, c: Double) {
        let n = 60
        var coverage = 0.0, above = 0.0, atB = power(1 - b - c, n)
        for x in 0...n {
            var probability = atB
            for y in 0...(n - x) {
                let interval = PairedProportions(referenceOnly: x, candidateOnly: y, samples: n).interval
                if interval.lower <= b - c, b - c <= interval.upper { coverage += probability }
                if b - c > interval.upper { above += probability }
                probability *= Double(n - x - y) / Double(y + 1) * c / (1 - b - c)
            }
            atB *= Double(n - x) / Double(x + 1) * b / (1 - b - c)
        }
        #expect(coverage > 0.93 && coverage <= 1)
        #expect(above < 0.035)
    }

    private func power(_ base: Double, _ exponent: Int) -> Double {
        (0..<exponent).reduce(1.0) { result, _ in result * base }
    }

    @Test func `the bootstrap agrees with that of scipy`() throws {
        let values = [0.1, 0.4, 0.2, 0.9, 1.6, 0.05, 0.3, 0.7, 2.5, 0.15, 0.6, 1.1]
        let interval = try #require(
            PairedBootstrap(resamples: 40_000, seed: 7).interval(of: MeanStatistic(values: values)))
        // scipy.stats.bootstrap, method BCa, 200,000 drawings.
        #expect(abs(interval.lower - 0.4125) < 0.01)
        #expect(abs(interval.upper - 1.25417) < 0.02)
    }

    @Test func `the same seed draws the same interval`() throws {
        let statistic = MeanStatistic(values: (0..<50).map { Double($0 * $0 % 17) })
        let first = try #require(PairedBootstrap(seed: 3).interval(of: statistic))
        let second = try #require(PairedBootstrap(seed: 3).interval(of: statistic))
        let other = try #require(PairedBootstrap(seed: 4).interval(of: statistic))
        #expect(first == second && first != other)
    }

    @Test func `the bootstrap covers the mean of a skewed distribution`() throws {
        var generator = SplitMix64(seed: 11)
        var held = 0, above = 0
        for trial in 0..<400 {
            // Squares of even numbers in 0...1: their mean is 1/3.
            let values = (0..<40).map { _ in
                let unit = Double(generator.next() >> 11) * 0x1p-53
                return unit * unit
            }
            let interval = try #require(
                PairedBootstrap(resamples: 500, seed: UInt64(trial)).interval(of: MeanStatistic(values: values)))
            if interval.lower <= 1.0 / 3, 1.0 / 3 <= interval.upper { held += 1 }
            if interval.upper < 1.0 / 3 { above += 1 }
        }
        #expect(held >= 368)
        #expect(above <= 22)
    }

    @Test func `few samples and constant ones are told apart`() throws {
        let bootstrap = PairedBootstrap(resamples: 200)
        #expect(bootstrap.interval(of: MeanStatistic(values: [1, 2, 3])) == nil)
        let constant = try #require(bootstrap.interval(of: MeanStatistic(values: [Double](repeating: 2, count: 20))))
        #expect(constant == (2, 2))
        let difference = try #require(
            PairedDifference(
                MeanStatistic(values: [Double](repeating: 0, count: 20)), bootstrap: bootstrap, leastMargin: 0.1))
        #expect(difference.drop == 0 && difference.lower95 == -0.1 && difference.upper95 == 0.1)
    }
}
