public import PithTensor

/// Numbers rounded to 16-bit floats: half the bytes of `float32`, no scales.
public struct HalfFloats: Representation, Equatable {
    public static let kind = "half-floats"

    /// The numbers in `float16` or `bfloat16`.
    public let numbers: Tensor

    /// Wraps numbers in `float16` or `bfloat16`.
    public init(_ numbers: Tensor) {
        precondition(numbers.type == .float16 || numbers.type == .bfloat16, "Half floats have 16 bits.")
        self.numbers = numbers
    }

    public var shape: Shape { numbers.shape }
    public var type: ScalarType { .float32 }
    public var byteCount: Int { numbers.byteCount }
    public var summary: String { numbers.type.rawValue }

    public func decoded() -> Tensor { Tensor(numbers.floats() ?? [], shape: shape) }
}
