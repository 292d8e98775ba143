public import PithTensor

/// Numbers out of a short list: a byte for each that says which.
///
/// | part | shape | type |
/// | --- | --- | --- |
/// | indices | `[...]` | `uint8` |
/// | values | `[n]`, n at most 256 | `float32` |
///
/// - Complexity: 8 bits a number and 32 for each of the list.
public struct Codebook: Representation, Equatable {
    public static let kind = "codebook"

    /// Which of ``values`` stands at each place.
    public let indices: Tensor
    /// The numbers.
    public let values: Tensor

    /// Puts indices and the numbers they point to together.
    public init(indices: Tensor, values: Tensor) {
        precondition(indices.type == .uint8 && values.type == .float32, "Indices are uint8, numbers float32.")
        precondition(values.shape.rank == 1 && values.count <= 256, "A list of numbers has one axis and 256 at most.")
        precondition(
            indices.elements(as: UInt8.self).allSatisfy { Int($0) < values.count }, "An index points past the list.")
        self.indices = indices
        self.values = values
    }

    public var shape: Shape { indices.shape }
    public var type: ScalarType { .float32 }
    public var byteCount: Int { indices.byteCount + values.byteCount }
    public var summary: String { "\(values.count) values" }

    public func decoded() -> Tensor {
        let list = values.elements(as: Float.self)
        return Tensor(indices.elements(as: UInt8.self).map { list[Int($0)] }, shape: shape)
    }
}
