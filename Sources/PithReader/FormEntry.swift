/// A weight that is stored in another form than its numbers, such as levels and scales.
public struct FormEntry: Sendable, Equatable {
    /// The weight's name; no two forms have the same.
    public let name: String
    /// The name of the form, such as `grouped-integers`; it may be one that this reader does not know.
    public let kind: String
    /// The type of the numbers it stands for.
    public let type: ElementType
    /// The lengths of the weight's axes; what a form announces is checked when its numbers are read.
    public let dimensions: [Int]
}
