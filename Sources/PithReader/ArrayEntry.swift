/// An array that a container holds: numbers, or the text between them.
public struct ArrayEntry: Sendable, Equatable {
    /// Its name; several arrays may have the same.
    public let name: String
    /// The type of its elements.
    public let type: ElementType
    /// The lengths of its axes, in elements; none for a single number.
    public let dimensions: [Int]
    /// Its size: elements below eight bits are packed, the first in the lowest bits.
    public let byteCount: Int
    /// The number of the array that has its bytes, if it is a duplicate.
    public let original: Int?
    /// Whether it stands among the first arrays of the file, for readers of a stream.
    public internal(set) var isHot: Bool
}
