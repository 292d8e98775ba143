import CPithKernels
import Foundation
import PithCoding
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

    @Test(arguments: [0, 1, 2, 100, 240, 250], [1, 9, 30]) func `few values far from the others are counted too`(
        _ first: Int, _ span: Int
    ) {
        var samples = NumberSamples(seed: UInt64(first + span))
        let bytes: [UInt8] = (0..<20_000).map { place in
            place % 97 == 0
                ? UInt8(samples.uniform() * 256) : UInt8(min(first + Int(samples.uniform() * Double(span)), 255))
        }
        var plain = [UInt32](repeating: 0, count: 256), counts = plain
        for byte in bytes { plain[Int(byte)] += 1 }
        unsafe pith_histogram_u8(bytes, bytes.count, &counts)
        #expect(counts == plain)
    }

    @Test(arguments: [9, 28]) func `columns whose first values lie near each other and others do not are counted`(
        _ span: Int
    ) {
        var samples = NumberSamples(seed: UInt64(span))
        let bytes = (0..<1 << 17).map { place in
            UInt8(samples.uniform() * (place % 1024 < 64 ? Double(span) : 256)) &+ (place % 1024 < 64 ? 90 : 0)
        }
        var plain = [UInt32](repeating: 0, count: 256), counts = plain
        for byte in bytes { plain[Int(byte)] += 1 }
        unsafe pith_histogram_u8(bytes, bytes.count, &counts)
        #expect(counts == plain)
    }

    @Test(arguments: [0, 1, 63, 64, 65, 16_383, 16_384, 16_385, 100_000]) func `bytes add up`(_ count: Int) {
        let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 % 3 == 0 ? 255 : $0 * 7) }
        #expect(unsafe pith_sum_u8(bytes, count) == bytes.reduce(0) { $0 + UInt64($1) })
        #expect(unsafe pith_sum_folded_u8(bytes, count) == bytes.reduce(0) { $0 + UInt64(min(Int($1), 256 - Int($1))) })
    }

    /// The estimate by its definition.
    private func half(of bytes: [UInt8]) -> [UInt32] {
        let pairs = bytes.count / 128
        var exact = [UInt32](repeating: 0, count: 256), half = exact, passed: [UInt8] = []
        for byte in bytes { exact[Int(byte)] += 1 }
        for pair in 0..<pairs {
            let rows = [0, 64].map { bytes[pair * 128 + $0..<pair * 128 + $0 + 64] }, taken = pair.nonzeroBitCount & 1
            for byte in rows[taken] { half[Int(byte)] += 2 }
            passed += rows[1 - taken]
        }
        for byte in bytes[(pairs * 128)...] { half[Int(byte)] += 2 }
        // A row's values count as new together.
        var new = 0, known = half.map { $0 > 0 }
        for row in stride(from: 0, to: passed.count, by: 64) {
            new += passed[row..<row + 64].count { !known[Int($0)] }
            for byte in passed[row..<row + 64] { known[Int(byte)] = true }
        }
        return new > bytes.count / 256 ? exact : zip(half, exact).map { max($0, min($1, 1)) }
    }

    @Test(arguments: cases) func `half of the rows estimate the histogram, and miss no value`(count: Int, span: Int) {
        var samples = NumberSamples(seed: UInt64(count * 3 + span))
        var bytes = (0..<count).map { _ in UInt8(min(Int(samples.uniform() * Double(span)), span - 1)) }
        // The largest value stands in one row alone, which is passed over where there are two.
        for place in bytes.indices where place != 70 { bytes[place] = min(bytes[place], UInt8(max(span - 2, 0))) }
        if count > 70 { bytes[70] = UInt8(span - 1) }
        var counts = [UInt32](repeating: 3, count: 256)
        unsafe pith_histogram_half_u8(bytes, count, &counts)
        #expect(counts == half(of: bytes).map { $0 + 3 })
        #expect(bytes.allSatisfy { counts[Int($0)] > 3 })
    }

    @Test(arguments: [64, 128, 256, 1024]) func `columns that come again after a power of two are not passed over`(
        _ period: Int
    ) {
        var samples = NumberSamples(seed: 5)
        let bytes = (0..<1 << 16).map { place in
            UInt8(samples.uniform() * 20) + (place % (2 * period) < period ? 100 : 140)
        }
        var counts = [UInt32](repeating: 0, count: 256)
        unsafe pith_histogram_half_u8(bytes, bytes.count, &counts)
        let low = Double(counts[100..<120].reduce(0, +)), high = Double(counts[140..<160].reduce(0, +))
        #expect(counts == half(of: bytes) && abs(low / (low + high) - 0.5) < 0.02)
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

    /// Symbols by what an encoder's table for them looks like.
    enum Spread: CaseIterable { case near, short, far, alone }

    private func symbols(_ spread: Spread, _ count: Int) -> [UInt8] {
        var samples = NumberSamples(seed: UInt64(count))
        return (0..<count).map { place in
            let rank = Int(-log2(1 - samples.uniform() * 0.9999))
            switch spread {
            case .near: return UInt8(100 + rank)
            // 3 and 131 share their lower bits, and only one of them occurs; the last of all is rare.
            case .short: return UInt8([3, 132, 40, 200][place % 4] + rank)
            case .far: return UInt8([3, 131, 40, 242][place % 4] + rank)
            case .alone: return place == count / 2 ? 255 : 7
            }
        }
    }

    @Test(arguments: Spread.allCases, [64, 640, 5000, 70_001])
    func `tables fill their place alone, and all instructions code by them alike`(_ spread: Spread, _ count: Int) {
        let bytes = symbols(spread, count), spare = Int(PITH_RANS_SPARE), total = 1 << Int(PITH_RANS_BITS)
        var counts = [UInt32](repeating: 0, count: 256), frequencies = [UInt16](repeating: 0, count: 256)
        for byte in bytes { counts[Int(byte)] += 1 }
        unsafe pith_rans_normalize(counts, &frequencies)
        var table = [UInt32](repeating: 7, count: total + spare + 4), encoder = [UInt64](repeating: 0, count: 256)
        unsafe pith_rans_decoder_table(frequencies, &table)
        let plain = frequencies.enumerated().flatMap { symbol, frequency in
            (0..<UInt32(frequency)).map { UInt32(symbol) | UInt32(frequency) << 8 | $0 << 20 }
        }
        #expect(table[..<total].elementsEqual(plain) && table[(total + spare)...].allSatisfy { $0 == 7 })
        unsafe pith_rans_encoder_table(frequencies, &encoder)
        var known: [UInt16]?
        for instructions in InstructionSet.allCases {
            var words = [UInt16](repeating: 0, count: count + 32), states = [UInt32](repeating: 0, count: 64)
            let made = unsafe words.withUnsafeMutableBufferPointer { buffer in
                guard let base = buffer.baseAddress else { return 0 }
                return unsafe pith_rans_encode(
                    encoder, bytes, [count], 1, 64, base + count + 32, &states, instructions.rawValue)
            }
            let stored = Array(words.suffix(made)),
                start = states.flatMap { state in
                    (0..<4).map { UInt8(truncatingIfNeeded: state >> (8 * $0)) }
                }
            #expect(stored == known ?? stored)
            known = stored
            let coded = stored.flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
            var back = [UInt8](repeating: 0, count: count)
            let status = unsafe pith_rans_decode(
                frequencies, [count], 1, 64, start, coded, made, &back, &table, instructions.rawValue)
            #expect(status == 0 && back == bytes)
        }
    }
}
