/// XXH64 with seed 0, the checksum of frames.
package enum XXHash64 {
    private static let p1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let p2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let p3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let p4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let p5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of the bytes at `range`.
    package static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 {
        var place = range.lowerBound
        let end = range.upperBound
        var hash = p5
        if range.count >= 32 {
            var (a, b, c, d) = (p1 &+ p2, p2, UInt64(0), 0 &- p1)
            while place + 32 <= end {
                a = round(a, word(bytes, place))
                b = round(b, word(bytes, place + 8))
                c = round(c, word(bytes, place + 16))
                d = round(d, word(bytes, place + 24))
                place += 32
            }
            hash = rotate(a, 1) &+ rotate(b, 7) &+ rotate(c, 12) &+ rotate(d, 18)
            for lane in [a, b, c, d] { hash = (hash ^ round(0, lane)) &* p1 &+ p4 }
        }
        return finished(hash &+ UInt64(range.count), bytes, place..<end)
    }

    /// Mixes in the last bytes, fewer than 32.
    private static func finished(_ start: UInt64, _ bytes: [UInt8], _ rest: Range<Int>) -> UInt64 {
        var hash = start, place = rest.lowerBound
        while place + 8 <= rest.upperBound {
            hash = rotate(hash ^ round(0, word(bytes, place)), 27) &* p1 &+ p4
            place += 8
        }
        if place + 4 <= rest.upperBound {
            var half: UInt64 = 0
            for index in 0..<4 { half |= UInt64(bytes[place + index]) << UInt64(8 * index) }
            hash = rotate(hash ^ half &* p1, 23) &* p2 &+ p3
            place += 4
        }
        for byte in bytes[place..<rest.upperBound] { hash = rotate(hash ^ UInt64(byte) &* p5, 11) &* p1 }
        hash = (hash ^ hash >> 33) &* p2
        hash = (hash ^ hash >> 29) &* p3
        return hash ^ hash >> 32
    }

    private static func rotate(_ x: UInt64, _ bits: UInt64) -> UInt64 { x << bits | x >> (64 - bits) }

    private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 { rotate(lane &+ input &* p2, 31) &* p1 }

    /// Eight bytes; the last is looked at first, so that one check of bounds is enough.
    @inline(__always)
    private static func word(_ bytes: [UInt8], _ at: Int) -> UInt64 {
        let high = UInt64(bytes[at + 7]) << 56 | UInt64(bytes[at + 6]) << 48
        let middle = UInt64(bytes[at + 5]) << 40 | UInt64(bytes[at + 4]) << 32
        let low = UInt64(bytes[at + 3]) << 24 | UInt64(bytes[at + 2]) << 16
        return high | middle | low | UInt64(bytes[at + 1]) << 8 | UInt64(bytes[at])
    }
}
