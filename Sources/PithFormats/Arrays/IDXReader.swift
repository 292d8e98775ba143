internal import PithCoding
public import PithTensor

/// Reads IDX files, the format of MNIST: a header of axis lengths and big-endian numbers, plain or inside gzip.
///
/// Bytes of plain files stay where they are in the mapped file.
///
/// - Reference: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", section on file formats.
public enum IDXReader {
    /// Reads the file at `path`.
    ///
    /// A gzip file is decoded only as far as its header says, so it can not grow without bounds.
    ///
    /// - Throws: `FormatError` `.missing` when it can not be opened, `.truncated` or `.corrupt` when its bytes are not
    ///   as
    ///   its header says.
    /// - Complexity: O(1) for plain files of bytes, O(*n*) for others.
    public static func read(path: String) throws(FormatError) -> Tensor {
        try tensor(in: MappedFile.bytes(of: path), named: path)
    }

    /// Whether `bytes` start like an IDX file that is not inside gzip.
    public static func matches(_ bytes: Storage) -> Bool {
        guard bytes.byteCount >= 4 else { return false }
        let start = bytes.slice(0..<4).withBytes { $0.bytes }
        return start[0] == 0 && start[1] == 0 && types[start[2]] != nil
    }

    /// Reads an IDX file from memory; `name` is its name in errors.
    ///
    /// - Throws: as `read(path:)`.
    public static func tensor(in bytes: Storage, named name: String) throws(FormatError) -> Tensor {
        guard Gzip.matches(bytes) else { return try plain(bytes, named: name) }
        do {
            let start = try Gzip.prefix(of: bytes, byteCount: 4 + 4 * 255)
            let header = try header(start, named: name)
            return try plain(Gzip.inflated(bytes, maximumByteCount: header.end), named: name)
        } catch let error as CodingError {
            throw FormatError(error, file: name)
        } catch let error as FormatError {
            throw error
        } catch {
            throw FormatError(code: .corrupt, subject: name, problem: "\(error)", remedy: FormatError.damaged)
        }
    }

    private static let types: [UInt8: ScalarType] = [
        0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64,
    ]

    private static func header(
        _ bytes: Storage, named name: String
    ) throws(FormatError) -> (type: ScalarType, shape: Shape, start: Int, end: Int) {
        func corrupt(_ problem: String) -> FormatError {
            FormatError(code: .corrupt, subject: "\(name), byte 0", problem: problem, remedy: FormatError.damaged)
        }
        var cursor = ByteCursor(bytes, named: name)
        let magic = try cursor.take(4).withBytes { $0.bytes }
        guard magic[0] == 0, magic[1] == 0, let type = types[magic[2]] else {
            throw corrupt("it does not start like an IDX file (\(magic)).")
        }
        var lengths: [Int] = []
        for _ in 0..<Int(magic[3]) {
            lengths.append(Int(UInt32(truncatingIfNeeded: try cursor.unsigned(4)).byteSwapped))
        }
        guard let shape = try? Shape(lengths), let byteCount = type.byteCount(of: shape.count),
            byteCount <= Int.max - cursor.offset
        else { throw corrupt("its axis lengths \(lengths) multiply past 2^63 bytes.") }
        return (type, shape, cursor.offset, cursor.offset + byteCount)
    }

    private static func plain(_ bytes: Storage, named name: String) throws(FormatError) -> Tensor {
        let header = try header(bytes, named: name)
        var cursor = ByteCursor(bytes, named: name, at: header.start)
        let data = try cursor.take(header.end - header.start)
        guard cursor.remaining == 0 else {
            throw FormatError(
                code: .corrupt, subject: "\(name), byte \(cursor.offset)",
                problem: "\(cursor.remaining) bytes follow the array of shape \(header.shape).",
                remedy: FormatError.damaged)
        }
        let storage = ArrayLayout.byteSwapped(data, width: header.type.bitWidth / 8)
        do { return try Tensor(type: header.type, shape: header.shape, storage: storage) } catch {
            throw FormatError(code: .corrupt, subject: name, problem: error.problem, remedy: FormatError.damaged)
        }
    }
}

extension FormatError {
    /// A failure of a codec inside `file`.
    init(_ error: CodingError, file: String) {
        let code: Code =
            switch error.code {
            case .corrupt: .corrupt
            case .truncated: .truncated
            case .tooLarge, .unsupported, .failed: .unsupported
            }
        self.init(code: code, subject: "\(file), \(error.subject)", problem: error.problem, remedy: error.remedy)
    }
}
