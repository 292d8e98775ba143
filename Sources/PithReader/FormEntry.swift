/// A weight that is stored in another form than its numbers, such as levels and scales.
public struct FormEntry: Sendable, Equatable {
    /// The weight's name; no two forms have the same.
    public let name: String
    private let form: StoredForm

    init(name: String, form: StoredForm) { (self.name, self.form) = (name, form) }

    /// The name of the form, such as `grouped-integers`; it may be one that this reader does not know.
    public var kind: String { form.kind }
    /// The type of the numbers it stands for.
    public var type: ElementType { form.type }
    /// The lengths of the weight's axes; what a form announces is checked when its numbers are read.
    public var dimensions: [Int] { form.dimensions }

    /// The numbers in ``ContainerReader/arrays`` of the parts that are arrays, by name, such as `scales`.
    ///
    /// The name of a part of a form that is itself a part follows that of its form and a point: `levels.bytes`. Where
    /// two come to the same name, the one less deep is given. Parts that are written out in the directory are left out.
    ///
    /// - Complexity: O(*n*) in the parts, at any depth, each time.
    public var parts: [String: Int] { form.namedArrays }
}
