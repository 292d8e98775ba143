public import PithTensor

/// A constant tensor of a graph in its current form.
public struct Weight: Sendable {
    /// Name of the value it provides.
    public var name: String
    public var form: Form
    /// How a runtime computes with the weight when it is encoded.
    public var execution = Execution.folded
    /// Whether its numbers lay in a file beside the model.
    public var isExternal = false
    /// What the format stores and Pith does not interpret.
    public var foreign: ForeignFields

    /// The kinds of small.
    public enum Execution: String, Hashable, Sendable, Codable {
        /// Small on disk: the runtime turns it into floats once, when it loads the model.
        case folded
        /// Small in memory too: the runtime's integer kernels use it as it is stored.
        case integer
        /// Small in memory too: integer kernels use it as it is stored, and round the activations they multiply it with
        /// themselves, to the range found in each run.
        case dynamic
        /// Small in memory too: a kernel decodes it a block at a time and multiplies in float.
        case blocks
        /// The same with activations that the kernel rounds to 8 bits, a block at a time.
        case roundedBlocks
        /// Small in memory too: a kernel decodes the rows of a table that are asked for.
        case rows
    }

    /// How the numbers are held.
    public enum Form: Sendable {
        case dense(Tensor)
        case encoded(any Representation)
    }

    /// Creates a dense weight.
    public init(_ name: String, _ tensor: Tensor, foreign: ForeignFields = ForeignFields()) {
        self.init(name: name, form: .dense(tensor), foreign: foreign)
    }

    /// Creates a weight in any form.
    public init(name: String, form: Form, foreign: ForeignFields = ForeignFields()) {
        self.name = name
        self.form = form
        self.foreign = foreign
    }

    /// Axis lengths of the numbers.
    public var shape: Shape {
        switch form {
        case .dense(let tensor): tensor.shape
        case .encoded(let representation): representation.shape
        }
    }

    /// Element format of the numbers once decoded.
    public var type: ScalarType {
        switch form {
        case .dense(let tensor): tensor.type
        case .encoded(let representation): representation.type
        }
    }

    /// Bytes of the current form.
    public var byteCount: Int {
        switch form {
        case .dense(let tensor): tensor.byteCount
        case .encoded(let representation): representation.byteCount
        }
    }

    /// The weight as numbers.
    public func decoded() -> Tensor {
        switch form {
        case .dense(let tensor): tensor
        case .encoded(let representation): representation.decoded()
        }
    }

    /// The tensor when the weight is dense.
    public var dense: Tensor? { if case .dense(let tensor) = form { tensor } else { nil } }

    /// The stored form when the weight is not dense.
    public var representation: (any Representation)? {
        if case .encoded(let representation) = form { representation } else { nil }
    }
}

/// The weights of a graph by name, in a stable order.
public struct WeightTable: Sendable, Sequence {
    private var entries: [Weight?] = []
    private var positions: [String: Int] = [:]

    /// An empty table.
    public init() {}

    /// Takes weights in order; of two with the same name the later one stays.
    public init(_ weights: some Sequence<Weight>) {
        for weight in weights { self[weight.name] = weight }
    }

    /// The weight of a name; assigning appends, replaces or (nil) removes it.
    ///
    /// What is assigned takes the name.
    public subscript(name: String) -> Weight? {
        get { positions[name].flatMap { entries[$0] } }
        set {
            var newValue = newValue
            newValue?.name = name
            if let position = positions[name] {
                entries[position] = newValue
                if newValue == nil { positions[name] = nil }
            } else if let newValue {
                positions[name] = entries.count
                entries.append(newValue)
            }
        }
    }

    /// Names in order.
    public var names: [String] { map(\.name) }

    /// Number of weights.
    public var count: Int { positions.count }

    /// Whether there are none.
    public var isEmpty: Bool { positions.isEmpty }

    public func makeIterator() -> AnyIterator<Weight> {
        var inner = entries.lazy.compactMap { $0 }.makeIterator()
        return AnyIterator { inner.next() }
    }
}
