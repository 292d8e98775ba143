internal import Foundation
public import PithTensor

/// Writes NPY files: version 1.0, row-major, little-endian.
public enum NPYWriter {
    /// The bytes of a file that holds `tensor`; the numbers start at a multiple of 64.
    ///
    /// - Throws: `FormatError` `.unsupported` for types that NumPy does not have (such as bfloat16 or int4) and
    ///   strings.
    /// - Complexity: O(*n*) time and memory.
    public static func bytes(of tensor: Tensor) throws(FormatError) -> [UInt8] {
        guard let dictionary = NPYHeader.text(type: tensor.type, shape: tensor.shape) else {
            throw FormatError(
                code: .unsupported, subject: "\(tensor.type.rawValue) tensor \(tensor.shape)",
                problem: "NumPy has no such element type.", remedy: "Convert it to float32 or an integer type first.")
        }
        let prefix = 10
        let unpadded = prefix + dictionary.utf8.count + 1
        let padding = (64 - unpadded % 64) % 64
        let length = dictionary.utf8.count + padding + 1
        var bytes: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 255), UInt8(length >> 8)]
        bytes.reserveCapacity(prefix + length + tensor.storage.byteCount)
        bytes += Array(dictionary.utf8) + [UInt8](repeating: UInt8(ascii: " "), count: padding) + [UInt8(ascii: "\n")]
        bytes += tensor.storage.withBytes { $0.bytes }
        return bytes
    }

    /// Writes `tensor` to `path`; the file appears whole or not at all.
    ///
    /// - Throws: `FormatError` `.unsupported` as `bytes(of:)`, `.unwritable` when the file can not be written.
    public static func write(_ tensor: Tensor, to path: String) throws(FormatError) {
        let data = try bytes(of: tensor), staged = try StagedOutput(beside: path)
        do {
            try staged.write(URL(fileURLWithPath: path).lastPathComponent) { try $0.write(data) }
        } catch let error as FormatError {
            throw error
        } catch {
            preconditionFailure("A file was refused with a foreign error: \(error).")
        }
        try staged.commit()
    }
}
