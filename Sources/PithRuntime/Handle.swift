/// The sole owner of an object of ONNX Runtime, released with it.
///
/// `@unchecked Sendable` holds here, and nowhere else in this target: the pointer never changes, a library, its environment
/// and its sessions may be used from several threads at a time by their own contract, and nobody writes to a value once it
/// is made. An object is released once, when its last user is gone, and before the objects it was made from.
@safe final class Handle: @unchecked Sendable {
    private let pointer: OpaquePointer
    private let maker: Handle?
    private let release: (OpaquePointer) -> Void

    /// Owns `pointer`, which came from `maker`.
    init(_ pointer: OpaquePointer, from maker: Handle?, release: @escaping (OpaquePointer) -> Void) {
        unsafe self.pointer = pointer
        self.maker = maker
        unsafe self.release = release
    }

    deinit { unsafe release(pointer) }

    /// Calls `body` with the object, which lives at least as long as the call.
    func withPointer<Result, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(pointer)
    }
}
