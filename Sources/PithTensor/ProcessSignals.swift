import Synchronization

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Signals of the operating system that one thread waits for, instead of their ending the process at once.
///
/// What interrupts the process only puts the signal's number into a pipe, which is all that may safely be done there.
package struct ProcessSignals: Sendable {
    private let readingEnd: Int32

    /// Where interrupts write to; -1 as long as nobody listens.
    private static let writingEnd = Atomic<Int32>(-1)

    /// Catches these signals from now on, so that none is lost.
    ///
    /// There can be one such value in a process. Those in `heeded` stay ignored where whoever started the process had them
    /// ignored, as `nohup` has a closed terminal.
    /// - Throws: `SystemFailure` when the process may open no more files.
    package init(catching numbers: [Int32], heeded: [Int32] = []) throws(SystemFailure) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw .current }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        readingEnd = ends[0]
        ProcessSignals.writingEnd.store(ends[1], ordering: .sequentiallyConsistent)
        for number in numbers { _ = signal(number) { ProcessSignals.forward($0) } }
        for number in heeded where !ProcessSignals.isIgnored(number) {
            _ = signal(number) { ProcessSignals.forward($0) }
        }
    }

    /// Whether a signal does nothing to this process.
    package static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        guard unsafe sigaction(number, nil, &action) == 0 else { return false }
        #if canImport(Darwin)
            let handler = unsafe action.__sigaction_u.__sa_handler
        #else
            let handler = unsafe action.__sigaction_handler.sa_handler
        #endif
        return unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// Waits for the next signal and answers its number.
    package func next() -> Int32 {
        var number: UInt8 = 0
        while unsafe read(readingEnd, &number, 1) != 1 {}
        return Int32(number)
    }

    private static func forward(_ number: Int32) {
        let before = errno
        var byte = UInt8(truncatingIfNeeded: number)
        _ = unsafe write(writingEnd.load(ordering: .sequentiallyConsistent), &byte, 1)
        errno = before
    }
}
