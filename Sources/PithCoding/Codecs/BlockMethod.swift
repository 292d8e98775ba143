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

    /// Name in reports.
    package var name: String {
        switch self {
        case .stored: "stored"
        case .constant: "constant"
        case .planes: "planes"
        case .sparse: "sparse"
        case .palette: "palette"
        case .repeats: "repeats"
        }
    }
}
