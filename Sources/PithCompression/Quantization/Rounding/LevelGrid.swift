/// How the codes of one group of weights map to numbers: `value = (code - zeroPoint) * scale`.
package struct LevelGrid: Hashable, Sendable {
    /// Weight units per level, greater than 0.
    package let scale: Float
    /// The code, perhaps a fraction, that stands for zero.
    package let zeroPoint: Float
    /// The highest code; the lowest is 0.
    package let top: Int

    /// Rounds a scale and a zero point to what `format` can store.
    package init(scale: Float, zeroPoint: Float, format: LevelFormat) {
        self.scale = format.storable(scale: scale)
        self.zeroPoint = format.storable(zeroPoint: zeroPoint)
        top = format.top
    }

    /// The nearest code, ties to even; values outside the grid get its ends.
    package func code(of value: Float) -> UInt8 {
        let code = (value / scale + zeroPoint).rounded(.toNearestOrEven)
        return code > 0 ? UInt8(min(code, Float(top))) : 0
    }

    /// The number that a code stands for.
    package func value(of code: UInt8) -> Float { (Float(code) - zeroPoint) * scale }
}
