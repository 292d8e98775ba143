import PithModel
import PithTensor
import Testing

@Suite struct GroupedIntegersTests {
    private func form(
        _ levels: [Int], _ dimensions: [Int], _ type: ScalarType = .int8, scales: [Float], zeros: [Int]? = nil,
        _ grouping: GroupedIntegers.Grouping
    ) throws -> GroupedIntegers {
        let shape = try Shape(dimensions)
        let scaleShape = try Shape(GroupedIntegers.scaleDimensions(of: shape, grouping))
        return GroupedIntegers(
            levels: try Tensor(integers: levels, as: type, shape: shape), scales: Tensor(scales, shape: scaleShape),
            zeroPoints: try zeros.map { try Tensor(integers: $0, as: type, shape: scaleShape) }, grouping: grouping)
    }

    @Test func `one scale for all`() throws {
        let form = try form([-128, 0, 3, 127], [2, 2], scales: [0.5], .tensor)
        #expect(form.decoded() == Tensor([-64, 0, 1.5, 63.5] as [Float], shape: try Shape([2, 2])))
        #expect(form.byteCount == 8 && form.summary == "int8 per tensor" && form.type == .float32)
    }

    @Test func `a scale and a zero point for each channel, on any axis`() throws {
        let rows = try form([1, 2, 3, 4, 5, 6], [2, 3], .uint8, scales: [1, 10], zeros: [1, 4], .channel(axis: 0))
        #expect(rows.decoded().elements(as: Float.self) == [0, 1, 2, 0, 10, 20])
        let columns = try form([1, 2, 3, 4, 5, 6], [2, 3], scales: [1, 10, 100], .channel(axis: 1))
        #expect(columns.decoded().elements(as: Float.self) == [1, 20, 300, 4, 50, 600])
        let middle = try form([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2], scales: [1, -1], .channel(axis: 1))
        #expect(middle.decoded().elements(as: Float.self) == [1, 2, -3, -4, 5, 6, -7, -8])
    }

    @Test func `blocks along the rows, the last one shorter`() throws {
        let form = try form(
            [1, 2, 3, 4, 5, 1, 2, 3, 4, 5], [2, 5], scales: [1, 10, 100, 2, 20, 200], .block(axis: 1, size: 2))
        #expect(form.decoded().elements(as: Float.self) == [1, 2, 30, 40, 500, 2, 4, 60, 80, 1000])
        #expect(form.summary == "int8 in blocks of 2, the last of 1")
    }

    @Test func `blocks down the columns, with zero points`() throws {
        let form = try form(
            [1, 2, 3, 4, 5, 6, 7, 8], [4, 2], .uint4, scales: [1, 2, 3, 4], zeros: [1, 2, 5, 6],
            .block(axis: 0, size: 2))
        #expect(form.decoded().elements(as: Float.self) == [0, 0, 2, 4, 0, 0, 6, 8])
        #expect(form.byteCount == 4 + 16 + 2)
    }

    @Test func `packed levels and wide levels decode alike`() throws {
        for type in [ScalarType.int2, .int4, .int8, .int16, .int32] {
            let form = try form([-2, -1, 0, 1, 1], [5], type, scales: [0.25], .tensor)
            #expect(form.decoded().elements(as: Float.self) == [-0.5, -0.25, 0, 0.25, 0.25], "\(type)")
        }
        let bias = try form([Int(Int32.max), Int(Int32.min), 16_777_217], [3], .int32, scales: [1], .tensor)
        #expect(bias.decoded().elements(as: Float.self) == [0x1p31, -0x1p31, 16_777_216])
    }

    @Test func `the product is rounded once`() throws {
        let form = try form([3, 127], [2], scales: [0.1], .tensor)
        #expect(form.decoded().elements(as: Float.self) == [3 * Float(0.1), 127 * Float(0.1)])
    }

    @Test func `a weight without elements decodes to none`() throws {
        for grouping in [GroupedIntegers.Grouping.tensor, .channel(axis: 1), .block(axis: 1, size: 4)] {
            let shape = try Shape([0, 3])
            let count = try Shape(GroupedIntegers.scaleDimensions(of: shape, grouping)).count
            let form = try form([], [0, 3], scales: [Float](repeating: 1, count: count), grouping)
            #expect(form.decoded().count == 0)
        }
        #expect(
            GroupedIntegers.scaleDimensions(of: try Shape([0, Int.max]), .block(axis: 1, size: 32))[1] == Int.max / 32
                + 1)
    }
}
