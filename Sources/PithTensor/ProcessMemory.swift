#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Memory of this process.
package enum ProcessMemory {
    /// Largest resident size so far, in bytes.
    package static var peakBytes: Int {
        var usage = rusage()
        #if canImport(Darwin)
            _ = unsafe getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #else
            _ = unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
            return usage.ru_maxrss * 1024
        #endif
    }
}
