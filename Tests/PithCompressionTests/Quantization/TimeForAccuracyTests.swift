import PithCompression
import Testing

struct TimeForAccuracyTests {
    private func best(_ results: (Double, Double)..., plain: Double? = nil) -> Int? {
        TimeForAccuracy.best(of: results.map { (sqnrDB: $0.0, speedup: $0.1) }, plain: plain)
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

    /// 10 % slower than the fastest: 6 % too much.
    @Test func `ahead of plain integers a percent costs a tenth of a decibel`() {
        #expect(best((30, 2), (30.59, 1.8), plain: 1.7) == 0)
        #expect(best((30, 2), (30.61, 1.8), plain: 1.7) == 1)
        // Not ahead by more than the noise: 1.8 is 1.047 times 1.72.
        #expect(best((30, 2), (34.9, 1.8), plain: 1.72) == 0)
        #expect(best((30, 2), (35.1, 1.8), plain: 1.72) == 1)
        #expect(best((30, 2), (99, 1.59), plain: 1) == 0)
    }
}
