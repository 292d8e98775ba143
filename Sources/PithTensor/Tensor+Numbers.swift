extension Tensor {
    /// The elements as `Float`, nil for complex numbers and strings.
    ///
    /// Exact for types of at most 16 bits; 32-bit integers and 64-bit types are rounded to the nearest `Float`.
    public func floats() -> [Float]? {
        switch type {
        case .float32: elements(as: Float.self)
        case .float64: elements(as: Double.self).map { Float($0) }
        case .bfloat16: halves { Float(bitPattern: UInt32($0) << 16) }
        case .float16: halves(HalfFloat.float)
        case .float8e8m0: storage.withBytes { bytes in bytes.bytes.map(Tensor.powerOfTwo) }
        case .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz, .float4e2m1:
            SmallFloat(type).map { layout in
                let values = (0..<1 << type.bitWidth).map { layout.value(of: UInt8($0)) }
                return unpacked().map { values[Int($0)] }
            }
        default: integers().map { $0.map { Float($0) } }
        }
    }

    /// The elements as `Int`, nil for types that are not integers (booleans count as 0 and 1).
    ///
    /// 64-bit unsigned elements past `Int.max` become `Int.max`.
    public func integers() -> [Int]? {
        switch type {
        case .int64: elements(as: Int64.self).map { Int($0) }
        case .uint64: elements(as: UInt64.self).map { Int(clamping: $0) }
        case .int32: elements(as: Int32.self).map { Int($0) }
        case .uint32: elements(as: UInt32.self).map { Int($0) }
        case .int16: elements(as: Int16.self).map { Int($0) }
        case .uint16: elements(as: UInt16.self).map { Int($0) }
        case .int8: elements(as: Int8.self).map { Int($0) }
        case .bool: unpacked().map { $0 == 0 ? 0 : 1 }
        case .uint8, .uint4, .uint2: unpacked().map { Int($0) }
        case .int4, .int2:
            unpacked().map { Int($0) >= 1 << (type.bitWidth - 1) ? Int($0) - 1 << type.bitWidth : Int($0) }
        default: nil
        }
    }

    /// Packs integers into a tensor of `type`, which must be an integer type that can hold each of them.
    ///
    /// - Throws: `TensorError` `.typeMismatch` for a type that is no integer or a level outside its range.
    public init(integers: [Int], as type: ScalarType, shape: Shape) throws(TensorError) {
        guard let range = type.integerRange, integers.allSatisfy(range.contains) else {
            throw TensorError(
                code: .typeMismatch, subject: "tensor \(shape)",
                problem: "its levels do not fit \(type.rawValue).", remedy: "Use a wider type.")
        }
        switch type {
        case .int64: self.init(integers.map { Int64($0) }, shape: shape)
        case .uint64: self.init(integers.map { UInt64($0) }, shape: shape)
        case .int32: self.init(integers.map { Int32($0) }, shape: shape)
        case .uint32: self.init(integers.map { UInt32($0) }, shape: shape)
        case .int16: self.init(integers.map { Int16($0) }, shape: shape)
        case .uint16: self.init(integers.map { UInt16($0) }, shape: shape)
        case .int8: self.init(integers.map { Int8($0) }, shape: shape)
        case .uint8: self.init(integers.map { UInt8($0) }, shape: shape)
        default: try self.init(type: type, shape: shape, storage: Storage(Tensor.packed(integers, bits: type.bitWidth)))
        }
    }

    /// Rounds numbers to a 16-bit float type, ties to even; what is too large becomes infinite.
    public init(rounding values: [Float], to type: ScalarType, shape: Shape) throws(TensorError) {
        switch type {
        case .float16: try self.init(type: type, shape: shape, storage: Storage(values.map(HalfFloat.bits)))
        case .bfloat16: try self.init(type: type, shape: shape, storage: Storage(values.map(HalfFloat.brainBits)))
        default:
            throw TensorError(
                code: .typeMismatch, subject: "tensor \(shape)", problem: "\(type.rawValue) is no 16-bit float.",
                remedy: "Use float16 or bfloat16.")
        }
    }

    /// Codes of at most 8 bits, one a byte, without their sign.
    private func unpacked() -> [UInt8] {
        let bits = type.bitWidth
        return storage.withBytes { bytes in
            guard bits < 8 else { return bytes.bytes }
            let mask = UInt8(1 << bits - 1), perByte = 8 / bits
            let packed = bytes.bytes
            return (0..<count).map { packed[$0 / perByte] >> UInt8($0 % perByte * bits) & mask }
        }
    }

    private static func packed(_ integers: [Int], bits: Int) -> [UInt8] {
        let perByte = 8 / bits, mask = 1 << bits - 1
        var bytes = [UInt8](repeating: 0, count: (integers.count + perByte - 1) / perByte)
        for (index, level) in integers.enumerated() {
            bytes[index / perByte] |= UInt8(level & mask) << UInt8(index % perByte * bits)
        }
        return bytes
    }

    private func halves(_ convert: (UInt16) -> Float) -> [Float] {
        storage.withElements(as: UInt16.self) { span in span.indices.map { convert(span[$0]) } }
    }

    /// The value of a float8e8m0 code: `2^(code - 127)`, and NaN for 255.
    private static func powerOfTwo(_ code: UInt8) -> Float {
        code == 255 ? .nan : Float(sign: .plus, exponent: Int(code) - 127, significand: 1)
    }
}

extension RawSpan {
    /// The bytes as an array.
    package var bytes: [UInt8] {
        unsafe withUnsafeBytes { unsafe Array($0) }
    }

    /// One byte.
    package func byte(at offset: Int) -> UInt8 {
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
