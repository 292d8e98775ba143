internal import PithTensor

/// An array of an export, which is read when it is its turn.
struct ExportedArray {
    var name: String
    /// What errors call it.
    let subject: String
    /// Its type and shape; the numbers are only read where nothing else tells.
    let layout: () throws(FormatError) -> (ScalarType, Shape)
    /// Its numbers.
    let tensor: () throws(FormatError) -> Tensor

    /// An array whose layout is known.
    init(
        name: String, subject: String, type: ScalarType, shape: Shape,
        tensor: @escaping () throws(FormatError) -> Tensor
    ) {
        self.init(name: name, subject: subject, layout: { () throws(FormatError) in (type, shape) }, tensor: tensor)
    }

    init(
        name: String, subject: String, layout: @escaping () throws(FormatError) -> (ScalarType, Shape),
        tensor: @escaping () throws(FormatError) -> Tensor
    ) {
        self.name = name
        self.subject = subject
        self.layout = layout
        self.tensor = tensor
    }

    /// An array in memory.
    init(name: String, subject: String, _ tensor: Tensor) {
        self.init(name: name, subject: subject, type: tensor.type, shape: tensor.shape) { () throws(FormatError) in
            tensor
        }
    }
}
