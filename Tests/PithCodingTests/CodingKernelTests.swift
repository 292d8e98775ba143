import CPithKernels
import Foundation
import PithTestSupport
import Testing

/// The kernels of the weight coder beside plain loops.
@Suite struct CodingKernelTests {
    /// Lengths around pieces, rows and the shortest that is compared, with values that lie near each other or not.
    static let cases: [(count: Int, span: Int)] =
        [0, 1, 63, 64, 1023, 1024, 1025, 8192, 8193, 20_000].flatMap { count in
            [1, 2, 31, 32, 33, 256].map { (count, $0) }
        }

    @Test(arguments: cases) func `bytes are counted`(count: Int, span: Int) {
        var samples = NumberSamples(seed: UInt64(count + span))
        let first = (256 - span) / 2
        let bytes: [UInt8] = (0..<count).map { _ in
            let place = Int(samples.uniform() * Double(span))
            return UInt8(first + min(place, span - 1))
        }
        var plain = [UInt32](repeating: 3, count: 256), counts = plain
        for byte in bytes { plain[Int(byte)] += 1 }
        unsafe pith_histogram_u8(bytes, count, &counts)
        #expect(counts == plain)
    }

    @Test func `a value far from all others is counted too`() {
        var bytes = [UInt8](repeating: 100, count: 4000)
        bytes[3999] = 255
        var counts = [UInt32](repeating: 0, count: 256)
        unsafe pith_histogram_u8(bytes, bytes.count, &counts)
        #expect(counts[100] == 3999 && counts[255] == 1)
    }

    @Test(arguments: cases) func `every second row tells the numbers of all`(count: Int, span: Int) {
        var samples = NumberSamples(seed: UInt64(count * 3 + span))
        var bytes = (0..<count).map { _ in UInt8(min(Int(samples.uniform() * Double(span)), span - 1)) }
        // The largest value stands in one row alone, which is passed over where there are two.
        for place in bytes.indices where place != 70 { bytes[place] = min(bytes[place], UInt8(max(span - 2, 0))) }
        if count > 70 { bytes[70] = UInt8(span - 1) }
        var plain = [UInt32](repeating: 0, count: 256), counts = [UInt32](repeating: 3, count: 256)
        let pairs = count / 128 * 128
        for (place, byte) in bytes.enumerated() where place >= pairs || place / 64 % 2 == 0 { plain[Int(byte)] += 2 }
        for byte in bytes { plain[Int(byte)] = max(plain[Int(byte)], 1) }
        unsafe pith_histogram_half_u8(bytes, count, &counts)
        #expect(counts == plain.map { $0 + 3 })
    }

    @Test(arguments: [1, 2, 4, 8]) func `elements of zeros are counted`(_ width: Int) {
        for count in [0, 1, 15, 16, 17, 127, 128, 129, 1000, 32_767, 32_768, 32_769, 70_000] {
            // The lowest byte of two elements in three is not zero.
            let bytes: [UInt8] = (0..<count * width).map { $0 % width == 0 && $0 / width % 3 > 0 ? 1 : 0 }
            #expect(unsafe pith_zero_elements(bytes, count, UInt32(width)) == (count + 2) / 3)
        }
    }

    @Test func `the cost of symbols is within a 256th of a bit a symbol of their entropy`() {
        var samples = NumberSamples(seed: 2)
        for used in [1, 2, 17, 256] {
            var counts = [UInt32](repeating: 0, count: 256)
            for symbol in 0..<used {
                counts[symbol * 255 / max(used - 1, 1)] = 1 + UInt32(samples.uniform() * 5000)
            }
            let total = Double(counts.reduce(0, +))
            let bits: Double = counts.filter { $0 > 0 }.reduce(0) { $0 - Double($1) * log2(Double($1) / total) }
            #expect(abs(unsafe Double(pith_entropy_cost(counts)) / 256 - bits) <= total / 256)
        }
        #expect(unsafe pith_entropy_cost([UInt32](repeating: 0, count: 256)) == 0)
    }

    @Test func `bits are found wherever they stand`() {
        for place in [0, 1, 63, 64, 500] {
            var bytes = [UInt8](repeating: 1, count: 501)
            #expect(unsafe pith_has_bits(bytes, bytes.count, 0xfe) == 0 && pith_has_bits(bytes, bytes.count, 1) == 1)
            bytes[place] = 0x80
            #expect(unsafe pith_has_bits(bytes, bytes.count, 0xfe) == 1 && pith_has_bits(bytes, place, 0xfe) == 0)
        }
    }

    @Test(arguments: [UInt32(4096), 2048]) func `frequencies add up, and none that occurs is left out`(_ all: UInt32) {
        var samples = NumberSamples(seed: 4)
        for used in [1, 2, 40, 128] {
            var counts = [UInt32](repeating: 0, count: 256), frequencies = [UInt16](repeating: 0, count: 256)
            for symbol in 0..<used { counts[2 * symbol] = samples.uniform() < 0.8 ? 1 : 1 << 20 }
            unsafe pith_rans_normalize_to(all, counts, &frequencies)
            #expect(frequencies.reduce(0) { $0 + UInt32($1) } == all)
            #expect((0..<256).allSatisfy { counts[$0] == 0 || frequencies[$0] > 0 })
        }
    }
}
