internal import PithCoding
internal import PithTensor

/// Finds arrays with the same bytes.
///
/// Arrays of one size are told apart by the hash of samples first; those that agree are compared byte by byte, so equal
/// hashes of different bytes do no harm.
/// - Complexity: O(arrays) for samples, and one read of those arrays that really are the same.
final class DuplicateFinder {
    let model: PackedModel
    private var open: [Int: InputFile] = [:]
    let first = ByteBuffer()
    private let second = ByteBuffer()

    /// Arrays below this size are not worth a comparison.
    private static let smallest = 256
    private static let sample = 1024, chunk = 1 << 20

    init(_ model: PackedModel) { self.model = model }

    /// For each array the earlier one with the same bytes, if there is one.
    ///
    /// - Throws: `FormatError` when a file can not be read.
    func originals() throws(FormatError) -> [Int?] {
        struct Key: Hashable {
            let byteCount: Int, width: Int
            let hash: UInt64
        }
        var originals = [Int?](repeating: nil, count: model.arrays.count), seen: [Key: [Int]] = [:]
        var sizes: [Int: Int] = [:]
        for array in model.arrays { sizes[array.range.count, default: 0] += 1 }
        for (index, array) in model.arrays.enumerated() {
            guard array.range.count >= Self.smallest, sizes[array.range.count] != 1 else { continue }
            let width = NumberLayout(array.type).width
            let key = Key(byteCount: array.range.count, width: width, hash: try hash(of: array))
            for earlier in seen[key] ?? [] where try isSame(model.arrays[earlier], array) {
                originals[index] = earlier
                break
            }
            if originals[index] == nil { seen[key, default: []].append(index) }
        }
        return originals
    }

    private func hash(of array: PackedModel.LocatedArray) throws(FormatError) -> UInt64 {
        let count = array.range.count, length = min(Self.sample, count)
        var hash: UInt64 = 0
        for offset in [0, (count - length) / 2, count - length] {
            try read(array, offset, length, into: first)
            hash = hash &* 0x9E37_79B9_7F4A_7C15 ^ first.withBytes { XXH64.checksum(of: $0) }
        }
        return hash
    }

    private func isSame(
        _ left: PackedModel.LocatedArray, _ right: PackedModel.LocatedArray
    ) throws(FormatError) -> Bool {
        for offset in stride(from: 0, to: left.range.count, by: Self.chunk) {
            let length = min(Self.chunk, left.range.count - offset)
            try read(left, offset, length, into: first)
            try read(right, offset, length, into: second)
            guard first.storage(0..<length) == second.storage(0..<length) else { return false }
        }
        return true
    }

    func read(
        _ array: PackedModel.LocatedArray, _ offset: Int, _ length: Int, into buffer: ByteBuffer
    ) throws(FormatError) {
        let file: InputFile
        if let known = open[array.file] {
            file = known
        } else {
            file = try InputFile.opened(model.files[array.file].path)
            open[array.file] = file
        }
        buffer.resize(to: length)
        try file.fill(buffer, 0..<length, from: array.range.lowerBound + offset, path: model.files[array.file].path)
    }
}

extension InputFile {
    /// Opens the file at `path`.
    ///
    /// - Throws: `FormatError` `.missing`.
    static func opened(_ path: String) throws(FormatError) -> InputFile {
        do { return try InputFile(path: path) } catch { throw FormatError(error) }
    }

    /// Reads a part of a file that must be there.
    ///
    /// - Throws: `FormatError` `.truncated` when the file ends before, `.missing` when it can not be read.
    func fill(_ buffer: ByteBuffer, _ range: Range<Int>, from offset: Int, path: String) throws(FormatError) {
        let got: Int
        do throws(SystemFailure) {
            got = try read(at: offset, into: buffer, range)
        } catch {
            throw FormatError(
                code: .missing, subject: path, problem: "byte \(offset) can not be read (\(error.reason)).",
                remedy: "Check the disk or the connection.")
        }
        guard got == range.count else {
            throw FormatError(
                code: .truncated, subject: "\(path), byte \(offset + got)",
                problem: "\(range.count - got) bytes are missing here.", remedy: FormatError.damaged)
        }
    }
}
