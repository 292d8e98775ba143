import PithCompression
import Testing

struct TimeForAccuracyTests {
    private func best(_ results: (Double, Double)...) -> Int? {
        TimeForAccuracy.best(of: results.map { (sqnrDB: $0.0, speedup: $0.1) })
    }

    @Test func `within 4 % of the fastest accuracy alone decides`() {
        #expect(best((30, 2), (30.1, 1.93), (29, 1.95)) == 1)
        #expect(best((30, 2), (30, 2)) == 0)
        #expect(best() == nil)
    }

    /// 10 % slower: 6 % too much, 2 dB and 3 dB.
    @Test func `beyond that each percent has to gain half a decibel, and the first of them two more`() {
        #expect(best((30, 2), (34.9, 1.8)) == 0)
        #expect(best((30, 2), (35.1, 1.8)) == 1)
        #expect(best((30, 2), (35.1, 1.8), (37.5, 1.7)) == 1)
        #expect(best((30, 2), (35.1, 1.8), (37.7, 1.7)) == 2)
        #expect(best((30, 2), (31.9, 1.89)) == 0)
        #expect(best((30, 2), (99, 1.59)) == 0)
    }
}
