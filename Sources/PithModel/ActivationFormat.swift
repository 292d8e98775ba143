public import PithTensor

/// How an activation is held in integers: `value = (level - zeroPoint) * scale`.
public struct ActivationFormat: Hashable, Sendable {
    /// An integer type of 8 or 16 bits.
    public var type: ScalarType
    /// Value per level, greater than zero and finite.
    public var scale: Float
    /// The level that stands for zero, inside the type's range.
    public var zeroPoint: Int
    /// Readers that take the value as it was before rounding, each by the name of its first output.
    public var exactReaders: Set<String>
    /// Products (`MatMul`) that read the value with a scale for each row, each by the name of its first output.
    ///
    /// A row is divided by its largest magnitude when the model runs, and rounded from -1 to 1; `scale` is not theirs.
    public var rowReaders: Set<String> = []
    /// Whether a writer makes runtimes hold this value of shape `[N, C, H, W]` with its channels last.
    public var prefersChannelsLast: Bool

    /// Creates a format.
    public init(
        type: ScalarType, scale: Float, zeroPoint: Int, exactReaders: Set<String> = [],
        prefersChannelsLast: Bool = false
    ) {
        self.type = type
        self.scale = scale
        self.zeroPoint = zeroPoint
        self.exactReaders = exactReaders
        self.prefersChannelsLast = prefersChannelsLast
    }
}
