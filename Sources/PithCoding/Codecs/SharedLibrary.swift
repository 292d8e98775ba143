#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A library of the system that is opened when a codec is asked for, so that Pith runs without those it does not need.
@safe struct SharedLibrary {
    private let handle: UnsafeMutableRawPointer
    private let codec: String

    /// Opens the first of the files `names` that the system's loader finds, for good.
    ///
    /// - Throws: `CodingError` `.unsupported` when there is none, with the `package` to install.
    init(_ codec: String, _ names: [String], package: String) throws(CodingError) {
        for name in names {
            guard let handle = unsafe dlopen(name, RTLD_NOW | RTLD_LOCAL) else { continue }
            unsafe self.handle = handle
            self.codec = codec
            return
        }
        throw CodingError(
            code: .unsupported, subject: codec, problem: "its library \(names[0]) is not on this machine.",
            remedy: "Install it (Debian: \(package)), or use another codec.")
    }

    /// The function called `name`, whose type the caller knows.
    ///
    /// - Throws: `CodingError` `.unsupported` when the library has none.
    func function<Function>(_ name: String, as type: Function.Type) throws(CodingError) -> Function {
        guard let address = unsafe dlsym(handle, name) else {
            throw CodingError(
                code: .unsupported, subject: codec, problem: "its library has no '\(name)'.",
                remedy: "Install a current version of the library.")
        }
        return unsafe unsafeBitCast(address, to: type)
    }
}
