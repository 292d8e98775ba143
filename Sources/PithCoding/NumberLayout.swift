public import PithTensor

/// How the elements of an array lie in memory, as far as coding cares.
public struct NumberLayout: Hashable, Sendable {
    /// Bytes of one element: 1, 2, 4 or 8.
    public let width: Int
    /// Whether an element is rotated left by one bit before it is split into bytes.
    ///
    /// That moves the sign of a float to the far end, so that its exponent fills the first byte.
    public let isRotated: Bool
    /// Whether the elements are text or structure rather than numbers, which repeats in longer pieces.
    public let isText: Bool

    /// Bytes that are not numbers.
    public static let text = NumberLayout(width: 1, isRotated: false, isText: true)

    private init(width: Int, isRotated: Bool, isText: Bool) {
        self.width = width
        self.isRotated = isRotated
        self.isText = isText
    }

    /// The layout of tensors of `type`; numbers below a byte are coded in the bytes they are packed into.
    public init(_ type: ScalarType) {
        switch type {
        case .float64, .complex128: self.init(width: 8, isRotated: true, isText: false)
        case .float32, .complex64: self.init(width: 4, isRotated: true, isText: false)
        case .float16, .bfloat16: self.init(width: 2, isRotated: true, isText: false)
        case .int64, .uint64: self.init(width: 8, isRotated: false, isText: false)
        case .int32, .uint32: self.init(width: 4, isRotated: false, isText: false)
        case .int16, .uint16: self.init(width: 2, isRotated: false, isText: false)
        case .string: self = .text
        default: self.init(width: 1, isRotated: false, isText: false)
        }
    }
}
