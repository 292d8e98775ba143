import PithModel
import PithTensor
import Testing

@Suite struct TabledIntegersTests {
    private func form(
        _ codes: [Int], _ dimensions: [Int], _ type: ScalarType, scales: Tensor,
        _ grouping: GroupedIntegers.Grouping, table: [Float], bits: Int? = nil
    ) throws -> TabledIntegers {
        TabledIntegers(
            codes: GroupedIntegers(
                levels: try Tensor(integers: codes, as: type, shape: try Shape(dimensions)), scales: scales,
                grouping: grouping, levelBits: bits), table: Tensor(vector: table))
    }

    @Test func `an entry of the table times the scale of the block, of either sign`() throws {
        let scales = try Tensor(rounding: [2, -1, 0.5], to: .float16, shape: try Shape([1, 3]))
        let form = try form(
            [0, 1, 2, 3, 3], [1, 5], .uint2, scales: scales, .block(axis: 1, size: 2), table: [-1, -0.125, 0, 0.5])
        #expect(form.decoded() == Tensor([-2, -0.25, -0.0, -0.5, 0.25] as [Float], shape: try Shape([1, 5])))
        #expect(form.shape.dimensions == [1, 5] && form.type == .float32)
        // Five codes of 2 bits in two bytes, three half floats, four entries.
        #expect(form.byteCount == 2 + 6 + 16)
        #expect(form.summary == "uint2 in blocks of 2, the last of 1, of 4 levels")
    }

    @Test func `codes of three bits lie in four and take three`() throws {
        let table = (0..<8).map { Float($0) * 0.1 }
        let form = try form(
            [7, 0, 3, 5], [2, 2], .uint4, scales: Tensor(vector: [Float(1), 10]), .channel(axis: 0), table: table,
            bits: 3)
        #expect(form.decoded().elements(as: Float.self) == [table[7], 0, table[3] * 10, table[5] * 10])
        #expect(form.byteCount == 2 + 8 + 32 && form.summary == "uint3 per channel, of 8 levels")
    }
}
