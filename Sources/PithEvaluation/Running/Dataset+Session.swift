public import PithFormats
internal import PithModel
public import PithRuntime

extension Dataset {
    /// Opens a `.npz` or a data card for the inputs of a session.
    ///
    /// - Throws: `FormatError` where the data can not be read or do not suit the inputs.
    public init(path: String, for session: Session) throws(FormatError) {
        try self.init(
            path: path,
            graphInputs: session.inputs.map { port in
                ValueInfo(name: port.name, type: ValueType(element: port.element, dimensions: port.dimensions))
            })
    }
}
