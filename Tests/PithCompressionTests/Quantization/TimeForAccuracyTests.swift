import PithCompression
import Testing

struct TimeForAccuracyTests {
    private func best(_ results: (Double, Double)...) -> Int? {
        TimeForAccuracy.best(of: results.map { (sqnrDB: $0.0, speedup: $0.1) })
    }

    @Test func `within 5 % of the fastest accuracy alone decides`() {
        #expect(best((30, 2), (30.1, 1.91), (29, 1.95)) == 1)
        #expect(best((30, 2), (30, 2)) == 0)
        #expect(best() == nil)
    }

    /// 10 % slower: 5 % too much, 3.75 dB.
    @Test func `each further percent has to gain three quarters of a decibel`() {
        #expect(best((30, 2), (33.7, 1.8)) == 0)
        #expect(best((30, 2), (33.8, 1.8)) == 1)
        #expect(best((30, 2), (33.8, 1.8), (37.5, 1.7)) == 1)
        #expect(best((30, 2), (33.8, 1.8), (38, 1.79)) == 2)
        #expect(best((30, 2), (99, 1.59)) == 0)
    }
}
