import Synchronization

/// Shows how far work on bytes has come, and how fast it goes.
final class ProgressMeter: Sendable {
    private let verb: String
    private let total: Int
    private let start = ContinuousClock().now
    private let shown = Mutex(ContinuousClock().now)

    /// Measures `total` bytes of work from now on; `verb` says what is done to them.
    init(_ verb: String, of total: Int) {
        self.verb = verb
        self.total = total
    }

    /// Shows that `done` bytes are done, a few times a second at most.
    func tell(_ done: Int) {
        let now = ContinuousClock().now
        let isDue = shown.withLock { last in
            guard now - last > .milliseconds(200) else { return false }
            last = now
            return true
        }
        guard isDue, total > 0 else { return }
        let elapsed = now - start,
            seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
        Console.progress("\(verb) \(done * 100 / total) % at \(Int(Double(done) / seconds / 1e6)) MB/s")
    }
}
