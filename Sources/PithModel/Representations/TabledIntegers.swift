public import PithTensor

/// Codes into a short table of numbers, with a scale for each group of neighbours: `w = table[code] * scale`.
///
/// Integers whose levels need not be equally far apart. Table entries are `Float`s, scales (which may be negative) widen to
/// `Float` exactly, and the product is rounded once, as `Gather` and `Mul` of ONNX do it.
///
/// | part | shape | type |
/// | --- | --- | --- |
/// | codes | `[...]` | `uint2`, `uint4` or `uint8`, of which `levelBits` are stored |
/// | scales | as the grouping says | `float16` or `float32` |
/// | table | `[2^levelBits]` | `float32` |
///
/// - Complexity: `levelBits` bits a number, a scale for each group, and 4 bytes for each entry of the table.
public struct TabledIntegers: Representation, Equatable {
    public static let kind = "tabled-integers"

    /// The codes as levels without a sign and without zero points, and the scales of their groups.
    public let codes: GroupedIntegers
    /// The numbers that the codes stand for, one for each code there can be.
    public let table: Tensor

    /// Joins codes and the table they point into.
    public init(codes: GroupedIntegers, table: Tensor) {
        precondition(
            codes.levels.type.integerRange?.lowerBound == 0 && codes.levelBits <= 8 && codes.zeroPoints == nil,
            "Codes have at most 8 bits, no sign and no zero points.")
        precondition(
            table.type == .float32 && table.shape.dimensions == [1 << codes.levelBits],
            "A table of codes of \(codes.levelBits) bits has an entry for each.")
        self.codes = codes
        self.table = table
    }

    public var shape: Shape { codes.shape }
    public var type: ScalarType { .float32 }
    public var byteCount: Int { codes.byteCount + table.byteCount }
    public var summary: String { "\(codes.summary), of \(table.count) levels" }

    public func decoded() -> Tensor {
        let entries = table.elements(as: Float.self)
        return codes.decoded { level, _, scale in entries[level] * scale }
    }
}
