/// Names of files inside a folder.
package enum RelativeName {
    /// The parts of a path between its slashes.
    ///
    /// Bytes count, not characters: to a file system a slash is one, whatever mark is set on it.
    static func parts(of path: String) -> [String] {
        path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Whether `name` leads below the folder it is used in: relative, without `..`, empty parts or odd characters.
    package static func isSound(_ name: String) -> Bool {
        name.utf8.count <= 4096 && !name.utf8.contains { $0 < 32 || $0 == 127 || $0 == UInt8(ascii: "\\") }
            && !parts(of: name).contains { $0.isEmpty || $0 == "." || $0 == ".." }
    }
}
