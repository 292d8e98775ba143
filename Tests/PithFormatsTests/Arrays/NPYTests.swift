import Foundation
import PithFormats
import PithTensor
import PithTestSupport
import Testing

@Suite struct NPYTests {
    /// An NPY file with the given header text and data.
    static func file(_ header: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let text = Array(header.utf8)
        let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) }
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
    }

    static func read(_ bytes: [UInt8]) throws -> Tensor { try NPYReader.tensor(in: Storage(bytes), named: "x.npy") }

    struct Case: CustomTestStringConvertible, Sendable {
        let code: String, data: [UInt8], type: ScalarType, values: [Float]
        var testDescription: String { code }
    }

    @Test(arguments: [
        Case(code: "<f4", data: [0, 0, 0x80, 0x3f], type: .float32, values: [1]),
        Case(code: ">f4", data: [0x3f, 0x80, 0, 0], type: .float32, values: [1]),
        Case(code: "<f8", data: [0, 0, 0, 0, 0, 0, 4, 0xc0], type: .float64, values: [-2.5]),
        Case(code: ">f8", data: [0xc0, 4, 0, 0, 0, 0, 0, 0], type: .float64, values: [-2.5]),
        Case(code: "<f2", data: [0, 0x3c], type: .float16, values: [1]),
        Case(code: ">f2", data: [0x3c, 0], type: .float16, values: [1]),
        Case(code: "|i1", data: [0xff], type: .int8, values: [-1]),
        Case(code: "|u1", data: [0xff], type: .uint8, values: [255]),
        Case(code: "<i2", data: [0xfe, 0xff], type: .int16, values: [-2]),
        Case(code: ">i2", data: [0xff, 0xfe], type: .int16, values: [-2]),
        Case(code: ">u2", data: [1, 0], type: .uint16, values: [256]),
        Case(code: ">i4", data: [0, 1, 0, 0], type: .int32, values: [65536]),
        Case(code: "<u4", data: [0, 0, 1, 0], type: .uint32, values: [65536]),
        Case(code: ">i8", data: [0, 0, 0, 0, 0, 0, 1, 2], type: .int64, values: [258]),
        Case(code: "<u8", data: [2, 1, 0, 0, 0, 0, 0, 0], type: .uint64, values: [258]),
        Case(code: "|b1", data: [1], type: .bool, values: [1]),
    ])
    func `Each numeric type is read in its byte order`(item: Case) throws {
        let tensor = try NPYTests.read(
            NPYTests.file("{'descr': '\(item.code)', 'fortran_order': False, 'shape': (1,), }", item.data))
        #expect(tensor.type == item.type)
        #expect(tensor.floats() == item.values)
    }

    @Test(arguments: [UInt8(1), 2, 3])
    func `Versions 1 to 3 are read`(version: UInt8) throws {
        let file = NPYTests.file(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 3), }\n", [1, 2, 3, 4, 5, 6], version: version)
        let tensor = try NPYTests.read(file)
        #expect(tensor.shape.dimensions == [2, 3])
        #expect(tensor.integers() == [1, 2, 3, 4, 5, 6])
    }

    @Test func `Fortran order becomes row-major`() throws {
        let plane = NPYTests.file(
            "{'descr': '<u2', 'fortran_order': True, 'shape': (2, 3), }", [1, 0, 4, 0, 2, 0, 5, 0, 3, 0, 6, 0])
        #expect(try NPYTests.read(plane).integers() == [1, 2, 3, 4, 5, 6])
        let cube = NPYTests.file(
            "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 2, 2), }", [0, 4, 2, 6, 1, 5, 3, 7])
        #expect(try NPYTests.read(cube).integers() == Array(0..<8))
        let nothing = NPYTests.file("{'descr': '|u1', 'fortran_order': True, 'shape': (0, 4611686018427387904), }", [])
        #expect(try NPYTests.read(nothing).count == 0)
        // No elements, and yet other lengths whose product does not fit: numpy refuses them too.
        let tooLong = NPYTests.file(
            "{'descr': '|u1', 'fortran_order': True, 'shape': (0, 4611686018427387904, 4611686018427387904), }", [])
        #expect(refusal { try NPYTests.read(tooLong) }?.code == .corrupt)
    }

    @Test func `Complex numbers swap their halves, not their whole`() throws {
        let file = NPYTests.file(
            "{'descr': '>c8', 'fortran_order': False, 'shape': (), }", [0x3f, 0x80, 0, 0, 0x40, 0, 0, 0])
        let tensor = try NPYTests.read(file)
        #expect(tensor.type == .complex64)
        #expect(tensor.storage == Storage([1, 2] as [Float]))
    }

    @Test(arguments: [
        ("|O", "pickle"), ("<U5", "strings"), ("|S3", "strings"), ("<M8[ns]", "dates"), ("|V8", "records"),
        ("<f16", "type"),
    ])
    func `Types that are no numbers are refused in words`(code: String, word: String) {
        let file = NPYTests.file(
            "{'descr': '\(code)', 'fortran_order': False, 'shape': (1,), }", [UInt8](repeating: 0, count: 16))
        let refused = refusal { try NPYTests.read(file) }
        #expect(refused?.code == .unsupported)
        #expect(refused?.says(word, code, "x.npy") == true)
    }

    @Test func `Records are refused in words`() {
        let file = NPYTests.file("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", [0, 0, 0, 0])
        #expect(refusal { try NPYTests.read(file) }?.code == .unsupported)
    }

    @Test(arguments: [
        "", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': 1, 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775808,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (1,), }",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } + evil()",
    ])
    func `A header that is not three sound keys is refused`(header: String) {
        let refused = refusal { try NPYTests.read(NPYTests.file(header, [0, 0, 0, 0])) }
        #expect(refused?.code == .corrupt)
    }

    @Test func `Too few and too many bytes are refused`() {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }"
        #expect(
            refusal { try NPYTests.read(NPYTests.file(header, [UInt8](repeating: 0, count: 7))) }?.code == .truncated)
        #expect(refusal { try NPYTests.read(NPYTests.file(header, [UInt8](repeating: 0, count: 9))) }?.code == .corrupt)
    }

    @Test func `What was written is read back bit for bit`() throws {
        let tensors = [
            Tensor([1.5, -2, .infinity] as [Float], shape: .vector(3)), Tensor(scalar: Int64(-7)),
            Tensor([UInt8](0..<12), shape: try Shape([3, 4])), Tensor([] as [Int32], shape: try Shape([0, 5])),
        ]
        let folder = try ScratchFolder()
        for tensor in tensors {
            let bytes = try NPYWriter.bytes(of: tensor)
            #expect((bytes.count - tensor.byteCount) % 64 == 0)
            try NPYWriter.write(tensor, to: folder.path("x.npy"))
            #expect(try NPYReader.read(path: folder.path("x.npy")) == tensor)
        }
        let brain = try Tensor(type: .bfloat16, shape: .vector(1), storage: Storage([0, 0] as [UInt8]))
        #expect(refusal { try NPYWriter.bytes(of: brain) }?.code == .unsupported)
        #expect(refusal { try NPYWriter.write(tensors[0], to: folder.path("no/x.npy")) }?.code == .unwritable)
        #expect(refusal { try NPYReader.read(path: folder.path("none.npy")) }?.code == .missing)
    }

    @Test func `Every truncation is refused and every flipped bit returns or throws`() throws {
        let good = try NPYWriter.bytes(of: Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: try Shape([2, 3])))
        for bytes in Damage.truncations(of: good) { #expect(refusal { try NPYTests.read(bytes) } != nil) }
        for bytes in Damage.flips(of: good) {
            guard let tensor = try? NPYTests.read(bytes) else { continue }
            #expect(tensor.byteCount == 24)
        }
    }

    @Test(
        .enabled(if: SharedData.has("vectors/npy-cases"), "the shared folder has no vectors/npy-cases"),
        arguments: ["py2-np0-objarr.npy", "py2-objarr.npy", "py3-objarr.npy"])
    func `NumPy's own object arrays are refused because a pickle is a program`(name: String) {
        let refused = refusal { try NPYReader.read(path: SharedData.url("vectors/npy-cases/\(name)").path) }
        #expect(refused?.code == .unsupported)
        #expect(refused?.says("pickle", "program", name) == true)
    }

    @Test(
        .enabled(if: SharedData.has("vectors/npy-cases"), "the shared folder has no vectors/npy-cases"),
        arguments: ["python3.npy", "win64python2.npy"])
    func `NumPy's old headers are read`(name: String) throws {
        let tensor = try NPYReader.read(path: SharedData.url("vectors/npy-cases/\(name)").path)
        #expect(tensor == Tensor([1, 1] as [Double], shape: .vector(2)))
    }

    @Test(
        .enabled(if: SharedData.has("vectors/npy-cases"), "the shared folder has no vectors/npy-cases"),
        arguments: ["py2-objarr.npz", "py3-objarr.npz", "pickled.npz"])
    func `Archives of object arrays open and refuse the array`(name: String) throws {
        let archive = try NPZArchive(path: SharedData.url("vectors/npy-cases/\(name)").path)
        let array = try #require(archive.names.first)
        #expect(refusal { try archive.tensor(named: array) }?.says("pickle") == true)
    }
}
