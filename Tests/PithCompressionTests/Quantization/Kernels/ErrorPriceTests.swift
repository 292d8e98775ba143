import PithCompression
import Testing

@Suite struct ErrorPriceTests {
    /// Decibels that are lost, the speedup, and whether that is worth it.
    @Test(
        arguments: [
            (2, 1.07, true), (2, 1.05, false), (9, 1.1, false), (6, 1.19, true), (40, 1.2, true), (0, 1, true),
            (-3, 0.95, true), (.infinity, 1.19, false), (.infinity, 1.2, true),
            (.nan, 1.02, true), (-.infinity, 1.02, true),
        ] as [(Double, Double, Bool)])
    func `each decibel has to add .03 to the speedup, up to 1.2`(lost: Double, speedup: Double, isWorth: Bool) {
        #expect(ErrorPrice.isPaid(lost, by: speedup) == isWorth)
    }

    @Test func `what errs more than is sound has to be half as fast again`() {
        #expect(ErrorPrice.isUnsoundPaid(by: 2.5, beside: 1.45))
        #expect(!ErrorPrice.isUnsoundPaid(by: 2.1, beside: 1.45))
        #expect(ErrorPrice.isUnsoundPaid(by: 1.5, beside: nil) && !ErrorPrice.isUnsoundPaid(by: 1.4, beside: nil))
        #expect(!ErrorPrice.isUnsoundPaid(by: nil, beside: nil))
    }
}
