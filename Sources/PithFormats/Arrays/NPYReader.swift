public import PithTensor

/// Reads NPY files, the arrays of NumPy: versions 1 to 3, every numeric type, either byte order, either order of axes.
///
/// Row-major little-endian numbers, which nearly all files hold, stay where they are in the mapped file. Pickled
/// objects
/// are refused: a pickle is a program, and loading data must not run one.
///
/// - Reference: NEP 1, "A simple file format for NumPy arrays".
public enum NPYReader {
    /// Reads the file at `path`.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened, `.truncated` or `.corrupt` when its bytes are not
    ///   as
    ///   its header says, `.unsupported` for pickles, strings, records and dates.
    /// - Complexity: O(1) for row-major little-endian arrays, O(*n*) for others.
    public static func read(path: String) throws(FormatError) -> Tensor {
        try tensor(in: MappedFile.bytes(of: path), named: path)
    }

    /// Whether `bytes` start like an NPY file.
    public static func matches(_ bytes: Storage) -> Bool {
        bytes.byteCount >= 6 && bytes.slice(0..<6).withBytes { $0.bytes } == magic
    }

    /// Reads an NPY file from memory; `name` is its name in errors.
    ///
    /// - Throws: as `read(path:)`.
    public static func tensor(in bytes: Storage, named name: String) throws(FormatError) -> Tensor {
        var cursor = ByteCursor(bytes, named: name)
        let header = try start(&cursor)
        guard let byteCount = header.type.byteCount(of: header.shape.count) else {
            throw FormatError(
                code: .corrupt, subject: name, problem: "its shape \(header.shape) takes more than 2^63 bytes.",
                remedy: FormatError.damaged)
        }
        let data = try cursor.take(byteCount)
        guard cursor.remaining == 0 else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(cursor.offset)",
                problem: "\(cursor.remaining) bytes follow the array of shape \(header.shape).",
                remedy: "Save one array to a file, or several as `.npz`.")
        }
        return try tensor(header, data, name)
    }

    /// The header of the NPY file in `bytes`, and where its numbers start.
    ///
    /// - Throws: as `read(path:)`.
    static func header(in bytes: Storage, named name: String) throws(FormatError) -> (NPYHeader, start: Int) {
        var cursor = ByteCursor(bytes, named: name)
        return (try start(&cursor), cursor.offset)
    }

    /// Reads the mark and the header.
    private static func start(_ cursor: inout ByteCursor) throws(FormatError) -> NPYHeader {
        guard try cursor.take(magic.count).withBytes({ $0.bytes }) == magic else {
            throw FormatError(
                code: .corrupt, subject: "\(cursor.name), byte 0", problem: "it does not start like an NPY file.",
                remedy: "Save it with `numpy.save`.")
        }
        return try header(&cursor)
    }

    private static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

    private static func header(_ cursor: inout ByteCursor) throws(FormatError) -> NPYHeader {
        let version = try cursor.small(1), minor = try cursor.small(1)
        guard (1...3).contains(version), minor == 0 else {
            throw FormatError(
                code: .unsupported, subject: "\(cursor.name), byte 6",
                problem: "it is of NPY version \(version).\(minor); versions 1.0 to 3.0 are read.",
                remedy: "Save it again with a current `numpy.save`.")
        }
        let length = try cursor.small(version == 1 ? 2 : 4)
        guard length <= longestHeader else {
            throw FormatError(
                code: .corrupt, subject: "\(cursor.name), byte 8",
                problem: "its header has \(length) bytes, more than \(longestHeader).", remedy: FormatError.damaged)
        }
        let text = try cursor.take(length)
        return try NPYHeader(
            text.utf8Text ?? String(decoding: text.withBytes { $0.bytes }, as: UTF8.self), named: cursor.name)
    }

    /// Longest header in bytes; three keys never need more.
    private static let longestHeader = 1 << 16

    /// The array of a header and the numbers behind it.
    ///
    /// - Throws: `FormatError` `.corrupt` when they do not fit each other.
    static func tensor(_ header: NPYHeader, _ data: Storage, _ name: String) throws(FormatError) -> Tensor {
        let width = header.type.bitWidth / 8
        let isComplex = header.type == .complex64 || header.type == .complex128
        var bytes = data
        if header.isBigEndian { bytes = ArrayLayout.byteSwapped(bytes, width: isComplex ? width / 2 : width) }
        if header.isFortranOrder, header.shape.rank > 1 {
            bytes = ArrayLayout.rowMajor(bytes, shape: header.shape, width: width)
        }
        do { return try Tensor(type: header.type, shape: header.shape, storage: bytes) } catch {
            throw FormatError(code: .corrupt, subject: name, problem: error.problem, remedy: FormatError.damaged)
        }
    }
}
