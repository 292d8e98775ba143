/// How a block of elements is stored; the raw value is the first byte of its body.
package enum BlockMethod: UInt8, CaseIterable, Sendable {
    /// The bytes as they are.
    case stored = 0
    /// One element that all others equal.
    case constant = 1
    /// The bytes of each element in planes, each plane coded for itself.
    case planes = 2
    /// A mask of the elements that are not zero, and those elements as a block of their own.
    case sparse = 3
    /// At most 256 different elements, and for each element which one it is.
    case palette = 4
    /// The bytes as they lie, with earlier pieces repeated.
    case repeats = 5
    /// Integer levels of one byte by the numbers in the sets of a trellis, with tables for the scales of rows and columns.
    case levels = 6
    /// Libraries' codecs over the bytes as they lie.
    case deflate = 16
    case zstd = 17
    case lz4 = 18
    case lzo = 19
    case brotli = 20

    /// The numbers of the libraries' codecs.
    package static let libraries: ClosedRange<UInt8> = deflate.rawValue...brotli.rawValue

    /// Name in reports.
    package var name: String {
        switch self {
        case .stored: "stored"
        case .constant: "constant"
        case .planes: "planes"
        case .sparse: "sparse"
        case .palette: "palette"
        case .repeats: "repeats"
        case .levels: "levels"
        case .deflate: "deflate"
        case .zstd: "zstd"
        case .lz4: "lz4"
        case .lzo: "lzo"
        case .brotli: "brotli"
        }
    }
}
