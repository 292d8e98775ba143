internal import CONNXRuntime
#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif
internal import Synchronization

extension Session {
    /// Ends profiling and returns the operators that ran, in order, each execution on its own.
    ///
    /// The file the runtime wrote is read and deleted. Profiling ends with the first call; the runtime keeps at most a
    /// million events of a session.
    /// - Throws: `RuntimeError` `.runFailed` when the session was not opened with a `profilePrefix`, profiling has already
    ///   ended, or the file can not be read.
    public func finishProfiling() throws(RuntimeError) -> [ProfiledOperator] {
        func failure(_ problem: String, _ remedy: String) -> RuntimeError {
            RuntimeError(code: .runFailed, subject: "profile of \(subject)", problem: problem, remedy: remedy)
        }
        guard stopsProfiling() else {
            throw failure("nothing is being recorded.", "Open the session with a profilePrefix, and finish once.")
        }
        let remedy = "Check that files can be written at the profilePrefix."
        do {
            let path = try profilePath()
            defer { try? FileManager.default.removeItem(atPath: path) }
            guard let data = FileManager.default.contents(atPath: path) else {
                throw failure("its file \(path) can not be read.", remedy)
            }
            return try Session.operators(in: data)
        } catch let error as RuntimeError {
            throw error
        } catch let error as NativeFailure {
            throw failure(error.message, remedy)
        } catch {
            throw failure("its file is not what ONNX Runtime writes.", remedy)
        }
    }

    /// Ends a profile nobody asked for and deletes its file.
    func discardProfile() {
        guard stopsProfiling(), let path = try? profilePath() else { return }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Whether profiling was on; it is off afterwards.
    private func stopsProfiling() -> Bool {
        isProfiling.withLock { on in
            defer { on = false }
            return on
        }
    }

    private func profilePath() throws(NativeFailure) -> String {
        let text = try unsafe handle.withPointer { session throws(NativeFailure) in
            try unsafe NativeFailure.checked { error in unsafe pith_ort_end_profiling(session, error) }
        }
        defer { unsafe pith_ort_free(text) }
        return unsafe String(cString: text)
    }

    /// The kernel times among the events of a profile: category `Node`, names ending in `_kernel_time`.
    private static func operators(in data: Data) throws -> [ProfiledOperator] {
        let suffix = "_kernel_time"
        return try JSONDecoder().decode([Event].self, from: data).compactMap { event in
            guard event.cat == "Node", let name = event.name, name.hasSuffix(suffix),
                let operation = event.args?.op_name
            else { return nil }
            return ProfiledOperator(
                node: String(name.dropLast(suffix.count)), operation: operation, microseconds: event.dur ?? 0)
        }
    }

    /// One event of a profile, by the runtime's own keys.
    private struct Event: Decodable {
        let cat: String?
        let name: String?
        let dur: Int?
        let args: Arguments?

        struct Arguments: Decodable {
            let op_name: String?
        }
    }
}
