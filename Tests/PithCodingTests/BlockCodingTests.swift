import Foundation
import PithCoding
import PithTensor
import PithTestSupport
import Testing

/// A block to code and what should become of it.
struct BlockCase: Sendable, CustomTestStringConvertible {
    let name: String
    let type: ScalarType
    let bytes: [UInt8]
    var unit = 64
    let method: BlockMethod
    /// Most bytes of the body.
    let limit: Int

    var testDescription: String { name }

    static let all: [BlockCase] = {
        var samples = NumberSamples(seed: 7)
        let dense = samples.weights(rows: 64, columns: 1024)
        let sparse = dense.map { samples.uniform() < 0.9 ? 0 : $0 }
        let halves = NumberSamples.bfloat16(dense)
        let levels = dense.map { Int8(max(-127, min(127, ($0 * 900).rounded()))) }
        let few = (0..<40_000).map { _ in Float(Int(samples.uniform() * 9)) * 0.37 }
        let text = (0..<900).flatMap { Array("/encoder/layer.\($0 % 12)/attention/MatMul_\($0)\n".utf8) }
        let count = dense.count
        return [
            BlockCase(
                name: "bfloat16 weights", type: .bfloat16, bytes: NumberSamples.bytes(halves), unit: 1024,
                method: .planes, limit: count * 2 * 100 / 149),
            // The first byte of a half has bits of the mantissa too, so its values lie far apart.
            BlockCase(
                name: "float16 weights", type: .float16,
                bytes: NumberSamples.bytes(dense.map { Float16($0).bitPattern }), unit: 1024, method: .planes,
                limit: count * 2 * 100 / 115),
            // And more than 128 apart where small and large numbers occur.
            BlockCase(
                name: "float16 of many sizes", type: .float16,
                bytes: NumberSamples.bytes(dense.map { Float16($0 * exp2($0 * 100)).bitPattern }), unit: 1024,
                method: .planes, limit: count * 2 * 100 / 105),
            BlockCase(
                name: "float32 weights", type: .float32, bytes: NumberSamples.bytes(dense.map(\.bitPattern)),
                unit: 1024, method: .planes, limit: count * 4 * 100 / 119),
            BlockCase(
                name: "rows of halves among float32", type: .float32,
                bytes: NumberSamples.bytes(
                    dense.enumerated().map { ($0 / 1024 % 2 == 0 ? Float(Float16($1)) : $1).bitPattern }),
                unit: 1024, method: .planes, limit: count * 26 / 10),
            BlockCase(
                name: "bfloat16 kept in float32", type: .float32,
                bytes: NumberSamples.bytes(dense.map { $0.bitPattern & 0xffff_0000 }), unit: 1024, method: .planes,
                limit: count * 2 * 100 / 149),
            BlockCase(
                name: "sparse float32", type: .float32, bytes: NumberSamples.bytes(sparse.map(\.bitPattern)),
                method: .sparse, limit: count * 4 / 10),
            BlockCase(
                name: "float64 of floats", type: .float64,
                bytes: NumberSamples.bytes(dense.map { Double($0).bitPattern }), method: .planes, limit: count * 4),
            BlockCase(
                name: "int8 levels", type: .int8, bytes: NumberSamples.bytes(levels), unit: 1024, method: .levels,
                limit: count),
            BlockCase(
                name: "few values", type: .float32, bytes: NumberSamples.bytes(few.map(\.bitPattern)),
                method: .palette, limit: 40_000 * 4 / 9),
            BlockCase(
                name: "one value", type: .int64, bytes: NumberSamples.bytes([Int64](repeating: -7, count: 999)),
                method: .constant, limit: 9),
            BlockCase(name: "text", type: .string, bytes: text, method: .repeats, limit: text.count / 8),
            BlockCase(
                name: "noise", type: .uint8, bytes: (0..<5000).map { _ in UInt8(samples.uniform() * 256) },
                method: .stored, limit: 5001),
        ]
    }()

    func encoded(upTo instructions: InstructionSet = .widest) -> [UInt8] {
        Storage(bytes).withBytes {
            BlockEncoder(upTo: instructions).encode($0, layout: NumberLayout(type), unit: unit)
        }
    }

    func decoded(_ body: [UInt8], upTo instructions: InstructionSet = .widest) throws(CodingError) -> [UInt8] {
        let layout = NumberLayout(type), buffer = ByteBuffer()
        try BlockDecoder(upTo: instructions).decode(
            Storage(body), layout: layout, count: bytes.count / layout.width, named: name, into: buffer)
        return buffer.bytes(0..<buffer.count)
    }
}

@Suite struct BlockCodingTests {
    @Test(arguments: BlockCase.all) func `a block comes back, small and by the method its numbers suggest`(
        _ block: BlockCase
    ) throws {
        let body = block.encoded()
        #expect(body.first == block.method.rawValue)
        #expect(body.count <= block.limit, "\(block.name): \(body.count) bytes, \(block.limit) allowed")
        #expect(try block.decoded(body) == block.bytes)
    }

    @Test(arguments: BlockCase.all, InstructionSet.allCases) func `all instructions make the same bytes`(
        _ block: BlockCase, _ instructions: InstructionSet
    ) throws {
        let body = block.encoded(upTo: instructions)
        #expect(body == block.encoded())
        #expect(try block.decoded(body, upTo: instructions) == block.bytes)
    }

    @Test(arguments: [1, 2, 3, 63, 64, 65, 127, 1000, 8191, 8193, 32_767, 32_768, 32_831])
    func `every length around a lane and a block comes back`(_ count: Int) throws {
        var samples = NumberSamples(seed: UInt64(count))
        let values = (0..<count).map { _ in samples.normal() * 0.1 }
        for (type, bytes) in [
            (ScalarType.float32, NumberSamples.bytes(values.map(\.bitPattern))),
            (.bfloat16, NumberSamples.bytes(NumberSamples.bfloat16(values))),
            (.float64, NumberSamples.bytes(values.map { Double($0).bitPattern })),
            (.int8, NumberSamples.bytes(values.map { Int8($0 * 100) })),
        ] {
            let block = BlockCase(name: "\(type) \(count)", type: type, bytes: bytes, method: .planes, limit: 0)
            #expect(try block.decoded(block.encoded()) == bytes)
            #expect(block.encoded().count <= bytes.count + 1)
        }
    }

    @Test(arguments: [2, 256, 257]) func `a palette holds up to 256 different values`(_ count: Int) throws {
        var samples = NumberSamples(seed: 11)
        let values = (0..<count).map { _ in UInt64(samples.uniform() * 0x1p60) &* 0x9E37_79B9_7F4A_7C15 }
        let elements = (0..<20_000).map { $0 < count ? values[$0] : values[Int(samples.uniform() * Double(count))] }
        let block = BlockCase(
            name: "values", type: .uint64, bytes: NumberSamples.bytes(elements), method: .palette, limit: 0)
        let body = block.encoded()
        #expect((body.first == BlockMethod.palette.rawValue) == (count <= 256))
        #expect(try block.decoded(body) == block.bytes)
    }

    @Test func `levels take at most 0,3 % more than their entropy`() throws {
        for scale in [Float(2), 12, 40] {
            var samples = NumberSamples(seed: 3)
            let levels = (0..<1 << 18).map { _ in Int8(max(-127, min(127, (samples.normal() * scale).rounded()))) }
            let block = BlockCase(
                name: "levels", type: .int8, bytes: NumberSamples.bytes(levels), unit: 512, method: .planes, limit: 0)
            let bits = Double(block.encoded().count) * 8 / Double(levels.count)
            #expect(bits <= NumberSamples.entropy(levels) * 1.003)
        }
    }

    @Test func `rows of different scales take less than one table can give`() throws {
        var samples = NumberSamples(seed: 5)
        let exponents = NumberSamples.bfloat16(samples.weights(rows: 256, columns: 1024, spread: 6))
        let block = BlockCase(
            name: "rows", type: .bfloat16, bytes: NumberSamples.bytes(exponents), unit: 1024, method: .planes, limit: 0)
        let entropy = NumberSamples.entropy(exponents.map { $0 >> 7 & 255 })
        #expect(Double(block.encoded().count) * 8 / Double(exponents.count) < 8 + entropy - 0.1)
    }

    @Test func `rows of halves among floats take no more than halves do`() throws {
        var samples = NumberSamples(seed: 6)
        let values = samples.weights(rows: 512, columns: 384)
        for stride in [2, 64, 512] {
            let mixed = values.enumerated().map { $0 / 384 % stride == 1 ? Float(Float16($1)) : $1 }
            let block = { (values: [Float]) in
                BlockCase(
                    name: "rows", type: .float32, bytes: NumberSamples.bytes(values.map(\.bitPattern)), unit: 384,
                    method: .planes, limit: 0)
            }
            let body = block(mixed).encoded()
            #expect(try block(mixed).decoded(body) == block(mixed).bytes)
            // A half has 13 digits less; a class of its own takes a table.
            let saved = block(values).encoded().count - body.count, rows = 512 / stride
            #expect(Double(saved) > 0.98 * Double(rows * 384 * 13 / 8) - 150, "every \(stride)")
        }
    }

    @Test(arguments: BlockCase.all) func `damaged bodies are refused or harmless, and never crash`(
        _ block: BlockCase
    ) throws {
        let body = block.encoded()
        var samples = NumberSamples(seed: 11)
        for _ in 0..<300 {
            var damaged = body
            damaged[Int(samples.uniform() * Double(min(body.count, 2000)))] ^= 1 << UInt8(samples.uniform() * 8)
            if let output = try? block.decoded(damaged) { #expect(output.count == block.bytes.count) }
            let cut = Array(body[..<Int(samples.uniform() * Double(body.count))])
            #expect(throws: CodingError.self) { try block.decoded(cut) }
        }
    }

    @Test func `a method that is not known is refused as such`() {
        let block = BlockCase.all[0]
        #expect { try block.decoded([99, 0, 0]) } throws: { ($0 as? CodingError)?.code == .unsupported }
    }

    @Test func `XXH64 of known texts is what its authors publish`() {
        #expect(XXH64.checksum(of: []) == 0xEF46_DB37_51D8_E999)
        #expect(XXH64.checksum(of: Array("abc".utf8)) == 0x44BC_2CF5_AD77_0999)
        #expect(XXH64.checksum(of: Array("Nobody inspects the spammish repetition".utf8)) == 0xFBCE_A83C_8A37_8BF1)
    }
}
