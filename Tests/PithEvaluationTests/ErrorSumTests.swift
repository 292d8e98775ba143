import PithEvaluation
import PithTensor
import Testing

@Suite struct ErrorSumTests {
    @Test func `sums over parts of the numbers joined are the sum over all`() {
        let exact = (0..<1000).map { Float($0 % 17) - 8 }
        var rounded = exact.enumerated().map { $1 + Float($0 % 5) * 0.01 }
        func sum(_ range: Range<Int>) -> SignalToNoise {
            var sum = SignalToNoise()
            sum.add(exact.span.extracting(range), rounded.span.extracting(range))
            return sum
        }
        func joined() -> SignalToNoise {
            [0..<1, 1..<700, 700..<700, 700..<1000].map(sum).reduce(into: SignalToNoise()) { $0.merge($1) }
        }
        let parts = joined(), whole = sum(0..<1000)
        #expect(abs(parts.decibels - whole.decibels) < 1e-9 && parts.decibels > 40)
        #expect(abs(parts.signal / whole.signal - 1) < 1e-12 && abs(parts.noise / whole.noise - 1) < 1e-12)
        rounded[800] = .nan
        #expect(joined().decibels == -200 && joined().nonFinite == sum(0..<1000).nonFinite)
        #expect(joined().nonFinite.candidate == 1)
    }
}
