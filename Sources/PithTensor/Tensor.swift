/// An immutable, row-major array of numbers (or strings) with an element format and a shape.
///
/// Numbers are little-endian and packed: two 4-bit or four 2-bit elements share a byte, the first in the low bits.
public struct Tensor: Sendable {
    /// Element format.
    public let type: ScalarType
    /// Axis lengths, outermost first.
    public let shape: Shape
    /// The packed elements; empty for strings.
    public let storage: Storage
    /// The elements of a string tensor as the bytes they came in; empty for numbers.
    public let strings: [[UInt8]]

    /// Takes `storage` as the elements of a tensor of numbers.
    ///
    /// - Throws: `TensorError` `.sizeMismatch` when the bytes do not fill the shape exactly, `.typeMismatch` for strings.
    public init(type: ScalarType, shape: Shape, storage: Storage) throws(TensorError) {
        guard type != .string else {
            throw TensorError(
                code: .typeMismatch, subject: "tensor \(shape)", problem: "strings are not stored as packed bytes.",
                remedy: "Create it from its strings.")
        }
        guard type.byteCount(of: shape.count) == storage.byteCount else {
            let expected = type.byteCount(of: shape.count).map(String.init) ?? "more than 2^63"
            throw TensorError(
                code: .sizeMismatch, subject: "\(type.rawValue) tensor \(shape)",
                problem: "\(storage.byteCount) bytes of data do not fill it, it takes \(expected).",
                remedy: "The file is damaged; export or download it again.")
        }
        self.init(checked: type, shape, storage, [])
    }

    /// Creates a tensor of strings, one for each element.
    ///
    /// - Throws: `TensorError` `.sizeMismatch` when the number of strings is not the shape's.
    public init(strings: [[UInt8]], shape: Shape) throws(TensorError) {
        guard strings.count == shape.count else {
            throw TensorError(
                code: .sizeMismatch, subject: "string tensor \(shape)",
                problem: "\(strings.count) strings do not fill it.",
                remedy: "The file is damaged; export or download it again.")
        }
        self.init(checked: .string, shape, Storage([UInt8]()), strings)
    }

    /// Wraps `values`, whose count must be the shape's.
    public init<Element: TensorElement>(_ values: [Element], shape: Shape) {
        precondition(values.count == shape.count, "\(values.count) values do not fill \(shape).")
        self.init(checked: Element.scalarType, shape, Storage(values), [])
    }

    /// A tensor of one axis.
    public init<Element: TensorElement>(vector values: [Element]) {
        self.init(values, shape: .vector(values.count))
    }

    /// A tensor without axes.
    public init<Element: TensorElement>(scalar value: Element) {
        self.init([value], shape: .scalar)
    }

    private init(checked type: ScalarType, _ shape: Shape, _ storage: Storage, _ strings: [[UInt8]]) {
        self.type = type
        self.shape = shape
        self.storage = storage
        self.strings = strings
    }

    /// Number of elements.
    public var count: Int { shape.count }

    /// Size of the elements in bytes: packed numbers, or the bytes of the strings.
    public var byteCount: Int { storage.byteCount + strings.reduce(0) { $0 + $1.count } }

    /// The same elements under another shape with the same count.
    ///
    /// - Throws: `TensorError` `.sizeMismatch` when the counts differ.
    public func reshaped(to shape: Shape) throws(TensorError) -> Tensor {
        guard shape.count == count else {
            throw TensorError(
                code: .sizeMismatch, subject: "tensor \(self.shape)", problem: "it can not take the shape \(shape).",
                remedy: "Give a shape of \(count) elements.")
        }
        return Tensor(checked: type, shape, storage, strings)
    }

    /// Calls `body` with the elements in row-major order; the span ends with the call.
    ///
    /// The tensor's type must be `Element`'s; memory that is not aligned for it (parts of mapped files) is copied first.
    public func withElements<Element: TensorElement, Result, Failure: Error>(
        as element: Element.Type, _ body: (Span<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(
            type == Element.scalarType, "A \(type.rawValue) tensor was read as \(Element.scalarType.rawValue).")
        return try storage.withElements(as: element, body)
    }

    /// The elements as an array of their own type.
    public func elements<Element: TensorElement>(as element: Element.Type) -> [Element] {
        withElements(as: element) { span in
            unsafe span.withUnsafeBufferPointer { unsafe Array($0) }
        }
    }
}

extension Tensor: Equatable {
    /// Same type, shape and bits; NaN equals itself when its bits do.
    public static func == (left: Tensor, right: Tensor) -> Bool {
        left.type == right.type && left.shape == right.shape && left.storage == right.storage
            && left.strings == right.strings
    }
}
