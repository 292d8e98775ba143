/// A file that a container holds.
public struct FileEntry: Sendable, Equatable {
    /// Its path, relative to the folder of the first file, with `/` between its parts.
    public let name: String
    /// Its size.
    public let byteCount: Int
}
