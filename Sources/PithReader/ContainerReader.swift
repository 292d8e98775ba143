/// Reads the arrays, weights and files of a `.pith` container that is in memory.
///
/// Opening checks the preamble, the checksum of each frame, the index, the root, and that files, arrays and blocks
/// add up. The content of a block is checked when something of it is read, a stored form when its numbers are. Arrays
/// are decoded when they are asked for, a block only if it has some of them; each call decodes anew and keeps nothing.
///
/// ```swift
/// let reader = try ContainerReader(bytes)
/// let names = reader.arrays.filter { $0.type != .text }.map(\.name)
/// let weights = try reader.numbers(ofWeight: "conv1.weight")
/// ```
///
/// - Names are compared as Swift compares strings. Of several arrays of one name the first of numbers is found, else
///   the first of text; the others are reached by their number in ``arrays``. Files and forms have names of their own.
/// - Blocks that were packed with `--codec` (deflate, zstd, LZ4, LZO, brotli) are refused as `unsupported`; what lies
///   in other blocks is read all the same.
/// - Memory: the file, which is not copied; at most 64 bytes for each byte of the directory; and while something is
///   read, its bytes, its numbers if those are asked for, and about 40 MiB for a block.
/// - XXH64 and the root find damage, not intent: for that, compare a hash of the file that its author gave.
public struct ContainerReader: Sendable {
    /// The format of the first file: `onnx`, `safetensors`, `npy` or `npz`.
    public let format: String
    /// The files that were packed, in their order.
    public let files: [FileEntry]
    /// The arrays and the text between them, in the order of the directory.
    public let arrays: [ArrayEntry]
    /// The weights in stored forms, in the order of the directory.
    public let forms: [FormEntry]
    /// The most bytes that one call may decode: of blocks, and of numbers, with 8 bytes for each level or index of a
    /// form; and the most that the directory may take, with 64 bytes for each of its own.
    public let maximumByteCount: Int

    let bytes: [UInt8]
    let directory: Directory
    let blocks: [Range<Int>]

    /// Opens a container and checks it; nothing is decoded yet but its directory.
    ///
    /// - Parameters:
    ///   - file: The whole file.
    ///   - maximumByteCount: The most bytes that one call may decode, and 64 times the most that the directory may have.
    ///     A small file can stand for arrays of zeros of great size, so whoever reads the files of strangers sets a
    ///     third of what there is room for: for the directory, for blocks, and for numbers.
    /// - Throws: ``ReaderError`` `corrupt` or `truncated` where the file is damaged, `unsupported` where it is of a
    ///   later version or has a field or method of one, `tooLarge` where the directory is above `maximumByteCount`.
    /// - Complexity: O(*n*) in the bytes of the file.
    public init(_ file: [UInt8], maximumByteCount: Int = 0x7FFF_FFFF) throws(ReaderError) {
        let frames = try FrameList(file, maximumByteCount: maximumByteCount)
        directory = frames.directory
        blocks = frames.blocks
        bytes = file
        format = directory.format
        files = directory.files
        arrays = directory.arrays
        forms = zip(directory.formNames, directory.forms).map { FormEntry(name: $0, form: $1) }
        self.maximumByteCount = maximumByteCount
    }
}
