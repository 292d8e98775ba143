import PithTensor
import Testing

@Suite struct TensorNumbersTests {
    /// What ml_dtypes 0.5 (and numpy for binary16) decodes all patterns of a type to.
    struct Decoding: Sendable, CustomTestStringConvertible {
        let type: ScalarType
        /// FNV-1a over the bits of all values in order, each taken as one 32-bit step, NaN as 0x7fc00000.
        let hash: UInt64
        /// Values of single patterns.
        let samples: [Int: Float]
        var testDescription: String { type.rawValue }

        static let all = [
            Decoding(
                type: .float8e4m3fn, hash: 0x0899_3af4_628b_b725, samples: [1: 0.001953125, 0x3b: 1.375, 0xc5: -3.25]),
            Decoding(
                type: .float8e4m3fnuz, hash: 0x4065_565a_f2ab_b725,
                samples: [1: 0.0009765625, 0x3b: 0.6875, 0xc5: -1.625]),
            Decoding(type: .float8e5m2, hash: 0x00ce_e283_8e6b_b725, samples: [1: 0x1p-16, 0x3b: 0.875, 0xc5: -5]),
            Decoding(
                type: .float8e5m2fnuz, hash: 0x3996_9815_ceab_b725, samples: [1: 0x1p-17, 0x3b: 0.4375, 0xc5: -2.5]),
            Decoding(
                type: .float8e8m0, hash: 0x56f9_e058_2b6b_b725,
                samples: [0: 0x1p-127, 1: 0x1p-126, 0x3b: 0x1p-68, 0xc5: 0x1p70]),
            Decoding(type: .float4e2m1, hash: 0x0073_7516_397f_6465, samples: [3: 1.5, 9: -0.5, 12: -2]),
            Decoding(type: .float16, hash: 0xa29f_cd30_7f1d_2325, samples: [1: 0x1p-24, 0x3c00: 1, 0x7bff: 65504]),
            Decoding(type: .bfloat16, hash: 0xae86_4f38_855e_2325, samples: [1: 0x1p-133, 0x3f80: 1, 0xc0a0: -5]),
        ]
    }

    /// All patterns of a type, packed.
    private func patterns(_ type: ScalarType) throws -> Tensor {
        let count = 1 << type.bitWidth
        let storage: Storage =
            switch type.bitWidth {
            case 16: Storage((0..<count).map { UInt16($0) })
            case 8: Storage((0..<count).map { UInt8($0) })
            default: Storage(stride(from: 0, to: count, by: 2).map { UInt8($0 | ($0 + 1) << 4) })
            }
        return try Tensor(type: type, shape: .vector(count), storage: storage)
    }

    @Test(arguments: Decoding.all) func `every pattern decodes as ml_dtypes does it`(_ item: Decoding) throws {
        let values = try #require(try patterns(item.type).floats())
        #expect(values.count == 1 << item.type.bitWidth)
        for (pattern, value) in item.samples { #expect(values[pattern] == value) }
        let hash = values.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { hash, value in
            (hash ^ UInt64(value.isNaN ? 0x7fc0_0000 : value.bitPattern)) &* 0x100_0000_01b3
        }
        #expect(hash == item.hash)
    }

    @Test(arguments: [ScalarType.int2, .uint2, .int4, .uint4], [1, 2, 3, 4, 5, 7, 8, 9])
    func `packed levels come back, and odd counts leave the last bits zero`(_ type: ScalarType, _ count: Int) throws {
        let range = try #require(type.integerRange)
        let levels = (0..<count).map { range.lowerBound + $0 * 7 % range.count }
        let tensor = try Tensor(integers: levels, as: type, shape: .vector(count))
        #expect(tensor.integers() == levels && tensor.byteCount == (count * type.bitWidth + 7) / 8)
        #expect(tensor.floats() == levels.map { Float($0) })
        let spare = tensor.byteCount * 8 - count * type.bitWidth
        #expect(Int(tensor.storage.withBytes { $0.bytes.last ?? 0 }) >> (8 - spare) == 0)
    }

    @Test func `the first element lies in the low bits`() throws {
        let nibbles = try Tensor(integers: [1, -2, 3], as: .int4, shape: .vector(3))
        #expect(nibbles.storage.withBytes { $0.bytes } == [0xe1, 0x03])
        let pairs = try Tensor(integers: [1, -2, -1, 0, 1], as: .int2, shape: .vector(5))
        #expect(pairs.storage.withBytes { $0.bytes } == [0b0011_1001, 0b01])
    }

    @Test func `whole numbers of every width keep their ends`() throws {
        for type in ScalarType.allCases {
            guard let range = type.integerRange else { continue }
            let ends = [range.lowerBound, 0, 1, range.upperBound]
            #expect(try Tensor(integers: ends, as: type, shape: .vector(4)).integers() == ends, "\(type)")
            for level in [range.lowerBound, range.upperBound] where type.bitWidth < 64 {
                let outside = level == range.lowerBound ? level - 1 : level + 1
                #expect(throws: TensorError.self) { try Tensor(integers: [outside], as: type, shape: .scalar) }
            }
        }
        #expect(throws: TensorError.self) { try Tensor(integers: [-1], as: .uint64, shape: .scalar) }
        #expect(throws: TensorError.self) { try Tensor(integers: [0], as: .float32, shape: .scalar) }
        #expect(Tensor(scalar: UInt64.max).integers() == [Int.max])
    }

    @Test func `booleans count as 0 and 1, and doubles are rounded`() throws {
        let flags = try Tensor(type: .bool, shape: .vector(3), storage: Storage([0, 1, 7] as [UInt8]))
        #expect(flags.integers() == [0, 1, 1] && flags.floats() == [0, 1, 1])
        #expect(Tensor(vector: [0.1, 1e300]).floats() == [0.1, .infinity])
        #expect(Tensor(vector: [Int64(16_777_217)]).floats() == [16_777_216])
        #expect(Tensor(vector: [Float(1)]).integers() == nil)
        let complex = try Tensor(type: .complex64, shape: .vector(1), storage: Storage([1, 2] as [Float]))
        #expect(complex.floats() == nil && complex.integers() == nil)
    }
}
