#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Why the operating system refused a call.
package struct SystemFailure: Error, Hashable, Sendable {
    /// The number that `errno` held.
    package let number: Int32

    /// The failure of the call that has just returned on this thread.
    package static var current: SystemFailure { SystemFailure(number: errno) }

    /// The failure of a call that was given up because the program is about to be ended.
    package static let interrupted = SystemFailure(number: EINTR)

    /// The system's own words, such as `No space left on device`.
    package var reason: String {
        guard let text = unsafe strerror(number) else { return "error \(number)" }
        return unsafe String(cString: text)
    }
}
