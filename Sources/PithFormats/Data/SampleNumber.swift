internal import PithTensor

/// An element of a data file on its way to a graph input.
protocol SampleNumber: BitwiseCopyable {
    var float: Float { get }
    var double: Double { get }
    /// The whole number, rounded toward zero; nil when it is not finite or past an `Int`.
    var integer: Int? { get }
}

extension SampleNumber where Self: FixedWidthInteger {
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) var double: Double { Double(self) }
    @inline(__always) var integer: Int? { Int(exactly: self) }
}

extension UInt8: SampleNumber {}
extension UInt16: SampleNumber {}
extension UInt32: SampleNumber {}
extension UInt64: SampleNumber {}
extension Int8: SampleNumber {}
extension Int16: SampleNumber {}
extension Int32: SampleNumber {}
extension Int64: SampleNumber {}

extension Float: SampleNumber {
    @inline(__always) var float: Float { self }
    @inline(__always) var double: Double { Double(self) }
    var integer: Int? { Int(exactly: rounded(.towardZero)) }
}

extension Double: SampleNumber {
    @inline(__always) var float: Float { Float(self) }
    @inline(__always) var double: Double { self }
    var integer: Int? { Int(exactly: rounded(.towardZero)) }
}

/// A binary16 number in memory.
struct HalfNumber: SampleNumber {
    let bits: UInt16
    @inline(__always) var float: Float { HalfFloat.float(bits) }
    @inline(__always) var double: Double { Double(float) }
    var integer: Int? { float.integer }
}

/// A boolean in memory: 0 is false, everything else true.
struct BooleanNumber: SampleNumber {
    let byte: UInt8
    @inline(__always) var float: Float { byte == 0 ? 0 : 1 }
    @inline(__always) var double: Double { byte == 0 ? 0 : 1 }
    var integer: Int? { byte == 0 ? 0 : 1 }
}
