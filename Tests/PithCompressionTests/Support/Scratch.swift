import Foundation

/// A fresh folder for one test, deleted when the test lets go of it.
final class Scratch: Sendable {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("pith-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
        return path(name)
    }

    /// Everything in the folder, hidden files too.
    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted() }

    /// Writes an array as NPY.
    @discardableResult
    func write(_ name: String, npy values: [Float], shape: [Int]) throws -> String {
        try write(
            name,
            npy: values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> ($0 * 8)) } },
            type: "<f4", shape: shape)
    }

    @discardableResult
    func write(_ name: String, npy values: [Int64], shape: [Int]) throws -> String {
        try write(
            name, npy: values.flatMap { value in (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } },
            type: "<i8", shape: shape)
    }

    private func write(_ name: String, npy bytes: [UInt8], type: String, shape: [Int]) throws -> String {
        let lengths = shape.map { "\($0)," }.joined(separator: " ")
        var header = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(lengths)), }"
        while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
        header += "\n"
        let count = header.utf8.count
        let start: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(count & 255), UInt8(count >> 8)]
        try Data(start + Array(header.utf8) + bytes).write(to: folder.appendingPathComponent(name))
        return path(name)
    }
}
