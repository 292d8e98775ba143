/// The two hashes of the format, as their specifications write them.
enum MinimalHash {
    /// XXH64 with seed 0.
    static func xxh64(_ bytes: [UInt8]) -> UInt64 {
        let p1: UInt64 = 0x9E37_79B1_85EB_CA87, p2: UInt64 = 0xC2B2_AE3D_27D4_EB4F, p3: UInt64 = 0x1656_67B1_9E37_79F9
        let p4: UInt64 = 0x85EB_CA77_C2B2_AE63, p5: UInt64 = 0x27D4_EB2F_1656_67C5
        func rotate(_ x: UInt64, _ bits: UInt64) -> UInt64 { x << bits | x >> (64 - bits) }
        func round(_ lane: UInt64, _ input: UInt64) -> UInt64 { rotate(lane &+ input &* p2, 31) &* p1 }
        func read(_ at: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(UInt64(0)) { $0 | UInt64(bytes[at + $1]) << UInt64(8 * $1) }
        }
        var place = 0, hash = p5
        if bytes.count >= 32 {
            var lanes = [p1 &+ p2, p2, 0, 0 &- p1]
            while place + 32 <= bytes.count {
                for lane in 0..<4 { lanes[lane] = round(lanes[lane], read(place + 8 * lane, 8)) }
                place += 32
            }
            hash = zip(lanes, [1, 7, 12, 18]).reduce(0) { $0 &+ rotate($1.0, $1.1) }
            for lane in lanes { hash = (hash ^ round(0, lane)) &* p1 &+ p4 }
        }
        hash = hash &+ UInt64(bytes.count)
        while place + 8 <= bytes.count {
            hash = rotate(hash ^ round(0, read(place, 8)), 27) &* p1 &+ p4
            place += 8
        }
        if place + 4 <= bytes.count {
            hash = rotate(hash ^ read(place, 4) &* p1, 23) &* p2 &+ p3
            place += 4
        }
        for byte in bytes[place...] { hash = rotate(hash ^ UInt64(byte) &* p5, 11) &* p1 }
        hash = (hash ^ hash >> 33) &* p2
        hash = (hash ^ hash >> 29) &* p3
        return hash ^ hash >> 32
    }

    /// SHA-256; the constants are the fractions of roots of primes, computed as the standard defines them.
    static func sha256(_ message: [UInt8]) -> [UInt8] {
        let primes = (2...311).filter { n in !(2..<n).contains { n % $0 == 0 } }
        var hash = primes.prefix(8).map { fraction(of: $0, root: 2) }
        let keys = primes.prefix(64).map { fraction(of: $0, root: 3) }
        let length = UInt64(message.count) * 8
        var padded = message + [0x80]
        while padded.count % 64 != 56 { padded.append(0) }
        padded += (0..<8).map { UInt8(truncatingIfNeeded: length >> UInt64(56 - 8 * $0)) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            compress([UInt8](padded[start..<start + 64]), keys, &hash)
        }
        return hash.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) } }
    }

    /// The first 32 bits behind the point of the square or cube root of `n`, by bisection over whole numbers.
    private static func fraction(of n: Int, root: Int) -> UInt32 {
        // x = root of n times 2^32: compare powers in 128 bits.
        var low: UInt128 = 0, high: UInt128 = 1 << 37
        let target: UInt128 = root == 2 ? UInt128(n) << 64 : UInt128(n) << 96
        while high - low > 1 {
            let middle = (low + high) / 2
            if (root == 2 ? middle * middle : middle * middle * middle) <= target {
                low = middle
            } else {
                high = middle
            }
        }
        return UInt32(truncatingIfNeeded: low)
    }

    private static func compress(_ block: [UInt8], _ keys: [UInt32], _ hash: inout [UInt32]) {
        func rotate(_ x: UInt32, _ bits: UInt32) -> UInt32 { x >> bits | x << (32 - bits) }
        var words = (0..<16).map { word in (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(block[4 * word + $1]) } }
        for t in 16..<64 {
            let a = words[t - 15], b = words[t - 2]
            let low = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3, high = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
            words.append(words[t - 16] &+ low &+ words[t - 7] &+ high)
        }
        var s = hash
        for t in 0..<64 {
            let e = s[4], a = s[0]
            let choice = e & s[5] ^ ~e & s[6], majority = a & s[1] ^ a & s[2] ^ s[1] & s[2]
            let first = s[7] &+ (rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)) &+ choice &+ keys[t] &+ words[t]
            let second = (rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)) &+ majority
            s = [first &+ second, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
        }
        for index in 0..<8 { hash[index] = hash[index] &+ s[index] }
    }
}
