import Foundation
public import PithFormats
public import PithRuntime
import Synchronization

/// Answers to questions about speed on this machine, measured once and kept in a file, so that a second run of the same
/// work decides the same.
///
/// An answer is known by the processor, the runtime's version and the question; the question names the bytes that were
/// timed. Everything is measured on one thread.
public final class MachineProfile: Sendable {
    /// Where answers come from.
    public enum Source: Hashable, Sendable {
        /// Measured once, kept in this file, which is refused when it holds something else.
        case file(String)
        /// Measured once, kept in this file of a cache, which is replaced when it is damaged.
        case cache(String)
        /// Nothing is measured: choices follow fixed rules.
        case fixedRules
    }

    /// A profile that measures nothing.
    public static let fixedRules = MachineProfile(.fixedRules)

    public let source: Source

    /// Answers given so far, so that one run decides the same even where nothing can be kept.
    private let known = Mutex<[String: Double]>([:])
    private let failure = Mutex<FormatError?>(nil)

    /// Creates a profile.
    public init(_ source: Source) { self.source = source }

    /// The profile in the user's cache folder.
    public static func standard() -> MachineProfile {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? NSHomeDirectory() + "/.cache"
        return MachineProfile(.cache(cache + "/pith/machine-profile.json"))
    }

    /// Whether choices follow fixed rules.
    public var isFixed: Bool { source == .fixedRules }

    /// Why an answer could not be kept; nil as long as all were.
    public var keepingFailure: FormatError? { failure.withLock { $0 } }

    /// Refuses a file that a user named and that holds something else than a profile.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.missing`.
    public func check() throws(FormatError) {
        if let file, !file.isCache { _ = try file.answers() }
    }

    /// The answer to `question`: the kept one, or the result of `measure`, which is then kept.
    ///
    /// A file that can not be read or written is no error: the answer then holds for this object, and `keepingFailure`
    /// says why. What several processes add at the same time is all kept; of two answers to one question, the first.
    /// - Returns: nil under fixed rules.
    /// - Throws: What `measure` throws.
    public func answer(_ question: String, runtime: Runtime, measure: () throws -> Double) rethrows -> Double? {
        guard let file else { return nil }
        let key = "\(MachineProfile.processor)\(ProfileFile.mark)\(runtime.version) | \(question)"
        if let answer = known.withLock({ $0[key] }) ?? (try? file.answers())?[key] { return answer }
        // Three digits are more than a machine repeats.
        let measured = (try measure() * 1000).rounded() / 1000
        var kept = measured
        do throws(FormatError) {
            kept = try file.keep(measured, to: key)
        } catch {
            failure.withLock { $0 = error }
        }
        known.withLock { $0[key] = kept }
        return kept
    }

    private var file: ProfileFile? {
        switch source {
        case .file(let path): ProfileFile(path: path, isCache: false)
        case .cache(let path): ProfileFile(path: path, isCache: true)
        case .fixedRules: nil
        }
    }

    /// The processor's name with its vector extensions that matter to integer kernels.
    private static let processor: String = {
        guard let text = try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8) else {
            return "\(ProcessInfo.processInfo.operatingSystemVersionString)"
        }
        func field(_ name: String) -> String {
            let line = text.split(separator: "\n").first { $0.hasPrefix(name) }
            return line?.split(separator: ":").dropFirst().joined().trimmingCharacters(in: .whitespaces) ?? ""
        }
        let flags = Set(field("flags").split(separator: " ").map(String.init))
        let vectors = ["avx2", "avx512f", "avx_vnni", "avx512_vnni", "amx_int8", "asimddp", "i8mm"].filter(
            flags.contains)
        return ([field("model name"), field("cpu family"), field("model")].filter { !$0.isEmpty } + vectors)
            .joined(separator: " ")
    }()
}
