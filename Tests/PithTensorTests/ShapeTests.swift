import Foundation
import PithTensor
import Testing

@Suite struct ShapeTests {
    @Test func `the count is the product of the axes`() throws {
        #expect(try Shape([2, 3, 4]).count == 24)
        #expect(Shape.scalar.count == 1 && Shape.scalar.rank == 0)
        #expect(try Shape([5, 0, 7]).count == 0)
        #expect(try Shape([Int.max]).count == Int.max)
        #expect(Shape.vector(3).dimensions == [3])
    }

    @Test(arguments: [
        [-1], [3, -2], [1 << 32, 1 << 31], [Int.max, 2], [0, 1 << 62, 1 << 62], [1 << 62, 0, 4], [0, -1], [Int.min],
    ])
    func `negative axes and products past 2^63 - 1 are refused, zeros left out`(_ dimensions: [Int]) {
        #expect(throws: TensorError.self) { try Shape(dimensions) }
        #expect(Shape.product(of: dimensions) == nil)
        #expect((try? Shape(dimensions)) == nil)
    }

    @Test func `an empty shape with long axes has sound strides`() throws {
        let shape = try Shape([1 << 31, 0, 1 << 31])
        #expect(shape.strides(around: 1) == (1 << 31, 0, 1 << 31))
        #expect(shape.strides(around: 0) == (1, 1 << 31, 0))
    }

    @Test func `strides see a shape as outer, length, inner`() throws {
        let shape = try Shape([2, 3, 4, 5])
        #expect(shape.strides(around: 0) == (1, 2, 60))
        #expect(shape.strides(around: 2) == (6, 4, 5))
        #expect(shape.strides(around: 3) == (24, 5, 1))
    }

    @Test func `axes count from either end`() throws {
        let shape = try Shape([2, 3, 4])
        #expect(shape.resolved(axis: -1) == 2 && shape.resolved(axis: 0) == 0 && shape.resolved(axis: -3) == 0)
        #expect(shape.resolved(axis: 3) == nil && shape.resolved(axis: -4) == nil)
        #expect(Shape.scalar.resolved(axis: 0) == nil)
    }

    @Test func `words and JSON name the axes`() throws {
        #expect(try Shape([64, 3]).description == "64x3" && Shape.scalar.description == "scalar")
        let json = try JSONEncoder().encode(try Shape([2, 3]))
        #expect(String(decoding: json, as: UTF8.self) == "[2,3]")
        #expect(try JSONDecoder().decode(Shape.self, from: json) == Shape([2, 3]))
        #expect(throws: TensorError.self) { try JSONDecoder().decode(Shape.self, from: Data("[-2]".utf8)) }
    }

    @Test func `bytes of packed elements round up and never overflow`() {
        #expect(ScalarType.int4.byteCount(of: 5) == 3 && ScalarType.int2.byteCount(of: 5) == 2)
        #expect(ScalarType.float32.byteCount(of: 0) == 0 && ScalarType.string.byteCount(of: 9) == 0)
        #expect(ScalarType.float64.byteCount(of: 1 << 57) == nil && ScalarType.complex128.byteCount(of: Int.max) == nil)
        #expect(ScalarType.int8.byteCount(of: 1 << 59) == 1 << 59)
    }

    @Test func `levels of each integer type have the range of its bits`() {
        for type in ScalarType.allCases where type.isInteger && type.bitWidth < 64 {
            let range = type.integerRange ?? 0...0
            #expect(range.upperBound - range.lowerBound == 1 << type.bitWidth - 1, "\(type)")
        }
        #expect(ScalarType.bool.integerRange == nil && ScalarType.float16.integerRange == nil)
        #expect(ScalarType.allCases.filter(\.isFloatingPoint).count == 10)
    }
}
