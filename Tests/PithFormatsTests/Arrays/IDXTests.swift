import Foundation
import PithCoding
import PithFormats
import PithTensor
import PithTestSupport
import Testing

@Suite struct IDXTests {
    static func read(_ bytes: [UInt8]) throws -> Tensor { try IDXReader.tensor(in: Storage(bytes), named: "x.idx") }

    static let small: [UInt8] = [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]

    struct Case: CustomTestStringConvertible, Sendable {
        let code: UInt8, data: [UInt8], type: ScalarType, value: Float
        var testDescription: String { type.rawValue }
    }

    @Test(arguments: [
        Case(code: 8, data: [200], type: .uint8, value: 200), Case(code: 9, data: [200], type: .int8, value: -56),
        Case(code: 0x0b, data: [0xff, 0], type: .int16, value: -256),
        Case(code: 0x0c, data: [0, 1, 0, 0], type: .int32, value: 65536),
        Case(code: 0x0d, data: [0x3f, 0xc0, 0, 0], type: .float32, value: 1.5),
        Case(code: 0x0e, data: [0x3f, 0xf8, 0, 0, 0, 0, 0, 0], type: .float64, value: 1.5),
    ])
    func `Each type is read`(item: Case) throws {
        let tensor = try IDXTests.read([0, 0, item.code, 1, 0, 0, 0, 1] + item.data)
        #expect(tensor.type == item.type)
        #expect(tensor.floats() == [item.value])
    }

    @Test func `Axes are read, plain and inside gzip`() throws {
        let zipped = try Storage(IDXTests.small).withBytes { try Gzip.deflated($0) }
        for bytes in [IDXTests.small, zipped] {
            let tensor = try IDXTests.read(bytes)
            #expect(tensor.shape.dimensions == [2, 3])
            #expect(tensor.integers() == [1, 2, 3, 4, 5, 6])
        }
    }

    @Test func `Every truncation is refused and every flipped bit returns or throws`() throws {
        let zipped = try Storage(IDXTests.small).withBytes { try Gzip.deflated($0) }
        for good in [IDXTests.small, zipped] {
            for bytes in Damage.truncations(of: good) { #expect(refusal { try IDXTests.read(bytes) } != nil) }
            for bytes in Damage.flips(of: good) {
                guard let tensor = try? IDXTests.read(bytes) else { continue }
                #expect(tensor.byteCount == 6)
            }
        }
    }

    @Test func `Axis lengths that multiply past all memory and gzip that grows past its header are refused`() throws {
        let huge: [UInt8] = [0, 0, 8, 3] + [UInt8](repeating: 0xff, count: 12)
        #expect(refusal { try IDXTests.read(huge) }?.code == .corrupt)
        let bomb = try Storage(IDXTests.small + [UInt8](repeating: 0, count: 1 << 20)).withBytes {
            try Gzip.deflated($0)
        }
        #expect(refusal { try IDXTests.read(bomb) } != nil)
    }

    @Test(.enabled(if: SharedData.has("datasets/mnist-t10k-labels-idx1-ubyte.gz"), "the shared folder has no MNIST"))
    func `MNIST's test labels start with 7, 2, 1, 0, 4`() throws {
        let labels = try IDXReader.read(path: SharedData.url("datasets/mnist-t10k-labels-idx1-ubyte.gz").path)
        #expect(labels.shape.dimensions == [10_000])
        #expect(labels.integers()?.prefix(5) == [7, 2, 1, 0, 4])
        let images = try IDXReader.read(path: SharedData.url("datasets/mnist-t10k-images-idx3-ubyte.gz").path)
        #expect(images.shape.dimensions == [10_000, 28, 28])
    }
}
