/// A named setting of a node.
public struct Attribute: Sendable {
    public var name: String
    public var value: AttributeValue
    /// What the format stores and Pith does not interpret.
    public var foreign: ForeignFields

    /// Creates an attribute.
    public init(_ name: String, _ value: AttributeValue, foreign: ForeignFields = ForeignFields()) {
        self.name = name
        self.value = value
        self.foreign = foreign
    }
}

/// What an attribute holds.
public enum AttributeValue: Sendable {
    case integer(Int64)
    case float(Float)
    case string([UInt8])
    case tensor(Weight)
    case graph(Graph)
    case integers([Int64])
    case floats([Float])
    case strings([[UInt8]])
    case tensors([Weight])
    case graphs([Graph])
    /// A kind Pith does not interpret (types, references to function attributes), kept in the attribute's `foreign`.
    case opaque(kind: Int)

    /// A string attribute from text.
    public static func text(_ text: String) -> AttributeValue { .string(Array(text.utf8)) }
}
