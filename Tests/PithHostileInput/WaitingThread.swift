import Synchronization

/// Runs asynchronous work on the thread that waits for it, so that readers stay plain functions, and none waits for a thread
/// that another one has.
final class WaitingThread: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    /// What the work came to.
    private final class Outcome<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let next = UnownedJob(job)
        jobs.withLock { $0.append(next) }
    }

    private func next() -> UnownedJob? { jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() } }

    /// The result of `body`, which must not wait for anything but tasks of its own.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) throws -> Value {
        let thread = WaitingThread(), outcome = Outcome<Value>()
        Task(executorPreference: thread) {
            let result: Result<Value, any Error>
            do { result = .success(try await body()) } catch { result = .failure(error) }
            outcome.result.withLock { $0 = result }
        }
        while true {
            // The executor lives to the end of this call, and so longer than the reference to it.
            if let job = thread.next() { unsafe job.runSynchronously(on: thread.asUnownedTaskExecutor()) }
            if let result = outcome.result.withLock({ $0 }) { return try result.get() }
        }
    }
}
