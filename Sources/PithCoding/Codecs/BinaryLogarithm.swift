/// Logarithms to base 2 in whole numbers, the same on every processor.
package enum BinaryLogarithm {
    /// 256 times the logarithm of a number from 1 up, rounded down.
    package static func of256ths(_ value: UInt64) -> Int {
        precondition(value > 0, "There is no logarithm of 0.")
        let whole = 63 - value.leadingZeroBitCount
        var mantissa = value << UInt64(63 - whole), fraction = 0
        for _ in 0..<8 {
            let square = mantissa.multipliedFullWidth(by: mantissa).high
            fraction = fraction << 1 | Int(square >> 63)
            mantissa = square >> 63 == 1 ? square : square << 1
        }
        return whole << 8 | fraction
    }
}
