import PithTensor
import Testing

@Suite struct TensorTests {
    @Test func `bytes must fill the shape exactly`() throws {
        let shape = try Shape([2, 3])
        #expect(try Tensor(type: .float32, shape: shape, storage: Storage([UInt8](repeating: 0, count: 24))).count == 6)
        for byteCount in [0, 23, 25] {
            #expect(throws: TensorError.self) {
                try Tensor(type: .float32, shape: shape, storage: Storage([UInt8](repeating: 0, count: byteCount)))
            }
        }
        #expect(throws: TensorError.self) {
            try Tensor(type: .float32, shape: Shape([Int.max]), storage: Storage([UInt8]()))
        }
        #expect(throws: TensorError.self) { try Tensor(type: .string, shape: shape, storage: Storage([UInt8]())) }
    }

    @Test func `a refusal says what was given and what it takes`() throws {
        let error = #expect(throws: TensorError.self) {
            try Tensor(type: .int4, shape: Shape([3, 3]), storage: Storage([UInt8]([1])))
        }
        #expect(error?.code == .sizeMismatch)
        #expect(error?.description.contains("int4 tensor 3x3: 1 bytes of data do not fill it, it takes 5.") == true)
    }

    @Test func `reshaping keeps the numbers and their count`() throws {
        let tensor = Tensor([1, 2, 3, 4, 5, 6] as [Int16], shape: try Shape([2, 3]))
        let other = try tensor.reshaped(to: Shape([3, 2]))
        #expect(other.elements(as: Int16.self) == [1, 2, 3, 4, 5, 6] && other.shape.dimensions == [3, 2])
        #expect(other != tensor)
        #expect(throws: TensorError.self) { try tensor.reshaped(to: Shape([4])) }
    }

    @Test func `equality is of bits`() {
        #expect(Tensor(scalar: Float.nan) == Tensor(scalar: Float.nan))
        #expect(Tensor(scalar: Float(0)) != Tensor(scalar: Float(-0.0)))
        #expect(Tensor(scalar: Int32(1)) != Tensor(scalar: UInt32(1)))
    }

    @Test func `strings keep their bytes`() throws {
        let tensor = try Tensor(strings: [[1, 0, 255], []], shape: Shape([2]))
        #expect(tensor.byteCount == 3 && tensor.strings == [[1, 0, 255], []] && tensor.type == .string)
        #expect(tensor.floats() == nil && tensor.integers() == nil)
        #expect(throws: TensorError.self) { try Tensor(strings: [[1]], shape: Shape([2])) }
    }

    @Test func `parts of a file are read at odd addresses`() throws {
        let bytes = Storage([9] + TensorTests.bytes(of: [1.5, -2, 3]))
        let tensor = try Tensor(type: .float32, shape: .vector(3), storage: bytes.slice(1..<13))
        #expect(tensor.elements(as: Float.self) == [1.5, -2, 3] && tensor.floats() == [1.5, -2, 3])
    }

    @Test func `the same seed gives the same numbers`() {
        var generator = SplitMix64(seed: 1_234_567)
        // The first outputs of the reference implementation for this seed.
        #expect(generator.next() == 6_457_827_717_110_365_317)
        #expect(generator.next() == 3_203_168_211_198_807_973)
    }

    private static func bytes(of values: [Float]) -> [UInt8] {
        values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt32($0 * 8)) } }
    }
}
