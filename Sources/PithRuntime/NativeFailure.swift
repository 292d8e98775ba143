internal import CONNXRuntime

/// What the runtime said when a call failed.
struct NativeFailure: Error {
    /// The runtime's number, negative for failures before it was reached.
    let code: Int32
    /// Its message, on one line and ending with a full stop.
    let message: String

    /// Number of the runtime's error for arguments that do not fit the model.
    static let invalidArgument: Int32 = 2

    /// Calls `body`, which returns nil (and fills the error) when it fails.
    static func checked<Result>(
        _ body: (UnsafeMutablePointer<pith_ort_error>) -> Result?
    ) throws(NativeFailure) -> Result {
        var error = unsafe pith_ort_error()
        let result = unsafe body(&error)
        defer { unsafe pith_ort_error_clear(&error) }
        guard let result else { throw unsafe NativeFailure(error) }
        return result
    }

    /// Calls `body`, which returns false (and fills the error) when it fails.
    static func check(_ body: (UnsafeMutablePointer<pith_ort_error>) -> Bool) throws(NativeFailure) {
        _ = try unsafe checked { error in unsafe body(error) ? true : nil }
    }

    /// A failure found on this side of the runtime.
    init(_ message: String) {
        code = 0
        self.message = message
    }

    private init(_ error: pith_ort_error) {
        unsafe code = error.code
        let text = unsafe error.message.map { unsafe String(cString: $0) } ?? "no memory is left"
        let lines = text.split(whereSeparator: \.isNewline).map { line in line.filter { $0 != "\t" } }
        let line = lines.joined(separator: " ")
        message = line.hasSuffix(".") ? line : line + "."
    }
}
