/// Turns the bytes of arrays into numbers.
enum NumberCoding {
    /// The first `count` numbers in `bytes`, each rounded to single precision; `bytes` are as long as their type needs.
    static func floats(_ bytes: [UInt8], _ type: ElementType, count: Int) -> [Float] {
        switch type {
        case .float32: words(bytes, 4, count) { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) }
        case .float64: words(bytes, 8, count) { Float(Double(bitPattern: $0)) }
        case .float16: words(bytes, 2, count) { SmallFloat.half(UInt32(truncatingIfNeeded: $0)) }
        case .bfloat16: words(bytes, 2, count) { Float(bitPattern: UInt32(truncatingIfNeeded: $0) << 16) }
        case .int16: words(bytes, 2, count) { Float(Int16(truncatingIfNeeded: $0)) }
        case .int32: words(bytes, 4, count) { Float(Int32(truncatingIfNeeded: $0)) }
        case .int64: words(bytes, 8, count) { Float(Int64(bitPattern: $0)) }
        case .uint16, .uint32, .uint64: words(bytes, type.codedWidth, count) { Float($0) }
        default: codes(bytes, type.bitCount, count, values: values(of: type))
        }
    }

    /// The first `count` integers in `bytes`, of a type that holds integers.
    static func integers(_ bytes: [UInt8], _ type: ElementType, count: Int) -> [Int64] {
        switch type {
        case .int16: words(bytes, 2, count) { Int64(Int16(truncatingIfNeeded: $0)) }
        case .int32: words(bytes, 4, count) { Int64(Int32(truncatingIfNeeded: $0)) }
        case .uint16, .uint32, .int64, .uint64: words(bytes, type.codedWidth, count) { Int64(bitPattern: $0) }
        default: codes(bytes, type.bitCount, count, values: integerValues(of: type))
        }
    }

    /// The value of each code of a type of at most eight bits.
    private static func values(of type: ElementType) -> [Float] {
        let codes = 0..<UInt32(1 << type.bitCount)
        return switch type {
        case .float8E4M3FN: codes.map { SmallFloat.value($0, exponentBits: 4, bias: 7, specials: .notNumberAtTop) }
        case .float8E4M3FNUZ: codes.map { SmallFloat.value($0, exponentBits: 4, bias: 8, specials: .notNumberAtSign) }
        case .float8E5M2: codes.map { SmallFloat.value($0, exponentBits: 5, bias: 15, specials: .infinities) }
        case .float8E5M2FNUZ: codes.map { SmallFloat.value($0, exponentBits: 5, bias: 16, specials: .notNumberAtSign) }
        case .float8E8M0: codes.map { SmallFloat.powerOfTwo($0) }
        case .float4E2M1: codes.map { SmallFloat.value($0, bitCount: 4, exponentBits: 2, bias: 1, specials: .none) }
        case .bool: codes.map { $0 == 0 ? 0 : 1 }
        default: integerValues(of: type).map { Float($0) }
        }
    }

    /// The value of each code of an integer type of at most eight bits.
    private static func integerValues(of type: ElementType) -> [Int64] {
        let count = Int64(1) << Int64(type.bitCount)
        return (0..<count).map { type.isSignedInteger && $0 >= count / 2 ? $0 - count : $0 }
    }

    @inline(__always)
    private static func words<Value>(
        _ bytes: [UInt8], _ width: Int, _ count: Int, _ value: (UInt64) -> Value
    ) -> [Value] {
        precondition(bytes.count >= count * width, "Words lie within their bytes.")
        var values: [Value] = [], place = 0
        values.reserveCapacity(count)
        for _ in 0..<count {
            var word: UInt64 = 0
            for offset in 0..<width { word |= UInt64(bytes[place + offset]) << UInt64(8 * offset) }
            values.append(value(word))
            place += width
        }
        return values
    }

    /// Numbers of at most eight bits, the first in the lowest bits of each byte.
    private static func codes<Value>(_ bytes: [UInt8], _ bitCount: Int, _ count: Int, values: [Value]) -> [Value] {
        precondition(bytes.count >= (count * bitCount + 7) / 8, "Codes lie within their bytes.")
        let mask = 1 << bitCount - 1
        var output: [Value] = []
        output.reserveCapacity(count)
        for byte in bytes {
            for shift in stride(from: 0, to: 8, by: bitCount) where output.count < count {
                output.append(values[Int(byte) >> shift & mask])
            }
        }
        return output
    }
}
