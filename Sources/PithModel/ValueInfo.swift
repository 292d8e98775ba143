public import PithTensor

/// The name of a value with its stated type.
public struct ValueInfo: Sendable {
    public var name: String
    /// Nil when the file states none.
    public var type: ValueType?
    /// What the format stores and Pith does not interpret.
    public var foreign: ForeignFields

    /// Creates a value description.
    public init(name: String, type: ValueType? = nil, foreign: ForeignFields = ForeignFields()) {
        self.name = name
        self.type = type
        self.foreign = foreign
    }
}

/// Element format and axis lengths of a tensor value, or a type of another kind kept unread.
public struct ValueType: Sendable {
    /// Nil for sequences, maps and optionals.
    public let element: ScalarType?
    /// Nil when not even the number of axes is stated.
    public let dimensions: [Dimension]?
    /// The type as it stood in the file; nil for a type made here.
    public let source: ForeignFields?

    /// One axis length.
    public enum Dimension: Hashable, Sendable {
        case fixed(Int)
        /// A length the caller chooses, by its name.
        case symbolic(String)
        case unknown

        /// The length when it is stated.
        public var length: Int? { if case .fixed(let length) = self { length } else { nil } }
    }

    /// Creates a tensor type.
    public init(element: ScalarType?, dimensions: [Dimension]?, source: ForeignFields? = nil) {
        self.element = element
        self.dimensions = dimensions
        self.source = source
    }
}
