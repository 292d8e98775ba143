import PithModel
import PithTensor
import Testing

@Suite struct SparseValuesTests {
    private func form(_ indices: Tensor, _ values: Tensor, _ dimensions: [Int]) throws -> SparseValues {
        try SparseValues(values: values, indices: indices, shape: Shape(dimensions), named: "w")
    }

    private let pair = Tensor(vector: [1.5, -2] as [Float])

    @Test func `linear places`() throws {
        let form = try form(Tensor(vector: [1, 5] as [Int64]), pair, [2, 3])
        #expect(form.decoded() == Tensor([0, 1.5, 0, 0, 0, -2] as [Float], shape: try Shape([2, 3])))
        #expect(form.byteCount == 24 && form.summary == "2 of 6 float32 values")
    }

    @Test func `coordinates`() throws {
        let places = Tensor([0, 2, 1, 1] as [Int64], shape: try Shape([2, 2]))
        #expect(try form(places, pair, [2, 3]).decoded().elements(as: Float.self) == [0, 0, 1.5, 0, -2, 0])
    }

    @Test func `every width of element, and none at all`() throws {
        let bytes = try form(Tensor(vector: [3] as [Int64]), Tensor(vector: [-7] as [Int8]), [4])
        #expect(bytes.decoded().elements(as: Int8.self) == [0, 0, 0, -7])
        let doubles = try form(Tensor(vector: [0] as [Int64]), Tensor(vector: [0.1]), [2])
        #expect(doubles.decoded().elements(as: Double.self) == [0.1, 0])
        let none = try form(Tensor(vector: [Int64]()), Tensor(vector: [Float]()), [3])
        #expect(none.decoded().elements(as: Float.self) == [0, 0, 0])
    }

    @Test func `what does not fit together is refused`() throws {
        let places = Tensor(vector: [1, 5] as [Int64])
        #expect(throws: ModelError.self) { try form(places, Tensor(vector: [1] as [Float]), [2, 3]) }
        #expect(throws: ModelError.self) { try form(Tensor(vector: [1, 5] as [Int32]), pair, [2, 3]) }
        #expect(throws: ModelError.self) { try form(places, pair, [5]) }
        #expect(throws: ModelError.self) { try form(Tensor(vector: [1, -1] as [Int64]), pair, [2, 3]) }
        #expect(throws: ModelError.self) { try form(Tensor(vector: [0, .max] as [Int64]), pair, [2, 3]) }
        #expect(throws: ModelError.self) {
            try form(Tensor([0, 3, 1, 1] as [Int64], shape: Shape([2, 2])), pair, [2, 3])
        }
        #expect(throws: ModelError.self) {
            try form(Tensor([0, 0, 1, -1] as [Int64], shape: Shape([2, 2])), pair, [2, 3])
        }
        #expect(throws: ModelError.self) { try form(places, pair, [0, 3]) }
    }

    @Test func `an index that occurs twice is refused in any order`() throws {
        for places in [[1, 1], [5, 1, 5]] as [[Int64]] {
            let values = Tensor(vector: [Float](repeating: 1, count: places.count))
            #expect(throws: ModelError.self) { try form(Tensor(vector: places), values, [2, 3]) }
        }
        _ = try form(Tensor(vector: [5, 1] as [Int64]), pair, [2, 3])
    }

    @Test func `the dense size is known without the dense form`() throws {
        let huge = try form(Tensor(vector: [1, 5] as [Int64]), pair, [1 << 40, 2])
        #expect(huge.denseByteCount == 1 << 43 && huge.byteCount == 24)
        #expect(throws: ModelError.self) { try form(Tensor(vector: [1, 5] as [Int64]), pair, [1 << 61]) }
    }
}
