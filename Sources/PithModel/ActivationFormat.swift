public import PithTensor

/// How an activation is held in integers: `value = (level - zeroPoint) * scale`.
public struct ActivationFormat: Hashable, Sendable {
    /// An integer type of 8 or 16 bits.
    public var type: ScalarType
    /// Value per level, greater than zero and finite.
    public var scale: Float
    /// The level that stands for zero, inside the type's range.
    public var zeroPoint: Int

    /// Creates a format.
    public init(type: ScalarType, scale: Float, zeroPoint: Int) {
        self.type = type
        self.scale = scale
        self.zeroPoint = zeroPoint
    }
}
