import Foundation
import PithCoding
import PithTensor
public import PithRuntime

/// Answers to questions about speed on this machine, measured once and kept in a file, so that a second run of the same
/// work decides the same.
///
/// An answer is known by the processor, the runtime's version and the question; the question names the bytes that were
/// timed. Everything is measured on one thread.
public final class MachineProfile: Sendable {
    /// Where answers come from.
    public enum Source: Hashable, Sendable {
        /// Measured once, kept in this file.
        case file(String)
        /// Nothing is measured: choices follow fixed rules.
        case fixedRules
    }

    /// A profile that measures nothing.
    public static let fixedRules = MachineProfile(.fixedRules)

    public let source: Source

    /// Creates a profile.
    public init(_ source: Source) { self.source = source }

    /// The profile in the user's cache folder.
    public static func standard() -> MachineProfile {
        let environment = ProcessInfo.processInfo.environment
        let cache =
            environment["XDG_CACHE_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
            ?? NSHomeDirectory() + "/.cache"
        return MachineProfile(.file(cache + "/pith/machine-profile.json"))
    }

    /// Whether choices follow fixed rules.
    public var isFixed: Bool { source == .fixedRules }

    /// The answer to `question`: the kept one, or the result of `measure`, which is then kept.
    ///
    /// A file that can not be read or written is no error: the answer is then measured, and forgotten.
    /// - Returns: nil under fixed rules.
    /// - Throws: What `measure` throws.
    public func answer(_ question: String, runtime: Runtime, measure: () throws -> Double) rethrows -> Double? {
        guard case .file(let path) = source else { return nil }
        let key = "\(MachineProfile.processor) | ONNX Runtime \(runtime.version) | \(question)"
        if let known = MachineProfile.load(path)[key] { return known }
        // Three digits are more than a machine repeats.
        let answer = (try measure() * 1000).rounded() / 1000
        var answers = MachineProfile.load(path)
        answers[key] = answer
        MachineProfile.store(answers, path)
        return answer
    }

    private static func load(_ path: String) -> [String: Double] {
        guard let data = FileManager.default.contents(atPath: path) else { return [:] }
        return (try? JSONDecoder().decode([String: Double].self, from: data)) ?? [:]
    }

    private static func store(_ answers: [String: Double], _ path: String) {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        try? FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try? encoder.encode(answers).write(to: URL(fileURLWithPath: path), options: .atomic)
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
