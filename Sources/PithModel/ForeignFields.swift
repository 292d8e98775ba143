/// Encoded fields of a file format that Pith does not interpret, kept so that writing loses nothing.
///
/// The reader of a format fills it and the writer of the same format appends it unread.
public struct ForeignFields: Hashable, Sendable {
    /// The fields as they stood in the file.
    public var bytes: [UInt8]

    /// Keeps `bytes`; none by default.
    public init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    /// Whether there are none.
    public var isEmpty: Bool { bytes.isEmpty }
}
