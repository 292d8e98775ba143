import PithTensor
import Testing

@Suite struct HalfFloatTests {
    @Test func `Every binary16 number survives the way through Float`() {
        var wrong = 0
        for pattern in UInt16.min...UInt16.max {
            let value = HalfFloat.float(pattern)
            let isNaN = pattern & 0x7fff > 0x7c00
            if value.isNaN != isNaN { wrong += 1 }
            if !isNaN, HalfFloat.bits(value) != pattern { wrong += 1 }
            if isNaN, !HalfFloat.float(HalfFloat.bits(value)).isNaN { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    @Test func `Between two neighbours the nearer wins, and the even one in the middle`() {
        var wrong = 0
        for pattern in UInt16(0)..<0x7bff {
            let low = Double(HalfFloat.float(pattern)), high = Double(HalfFloat.float(pattern + 1))
            let middle = (low + high) / 2
            let even = pattern & 1 == 0 ? pattern : pattern + 1
            if HalfFloat.bits(Float(middle)) != even { wrong += 1 }
            if HalfFloat.bits(Float(middle).nextDown) != pattern || HalfFloat.bits(Float(middle).nextUp) != pattern + 1
            {
                wrong += 1
            }
            if HalfFloat.bits(HalfFloat.roundedToOdd(middle.nextUp)) != pattern + 1 { wrong += 1 }
            if HalfFloat.bits(HalfFloat.roundedToOdd(-middle.nextDown)) != pattern | 0x8000 { wrong += 1 }
        }
        #expect(wrong == 0)
    }

    struct Case: Sendable {
        let value: Float, pattern: UInt16
        init(_ value: Float, _ pattern: UInt16) { (self.value, self.pattern) = (value, pattern) }
    }

    @Test(arguments: [
        Case(65504, 0x7bff), Case(65519.996, 0x7bff), Case(65520, 0x7c00), Case(-.infinity, 0xfc00), Case(0x1p-24, 1),
        Case(0x1p-25, 0), Case(0x1.8p-25, 1), Case(-0.0, 0x8000), Case(1, 0x3c00),
    ])
    func `Known numbers have known patterns`(item: Case) {
        #expect(HalfFloat.bits(item.value) == item.pattern)
    }

    @Test(arguments: [
        Case(1, 0x3f80), Case(1.00390625, 0x3f80), Case(1.01171875, 0x3f82), Case(.infinity, 0x7f80),
        Case(.greatestFiniteMagnitude, 0x7f80), Case(-2, 0xc000),
    ])
    func `bfloat16 rounds to the nearest even pattern`(item: Case) {
        #expect(HalfFloat.brainBits(item.value) == item.pattern)
    }
}
