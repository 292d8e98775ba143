import Foundation

/// The built program, run as a process of its own.
struct Program {
    /// The package's folder.
    static let package = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    /// The binary that `PITH_BINARY` names, or the one of the release build.
    static let path =
        ProcessInfo.processInfo.environment["PITH_BINARY"] ?? package.appendingPathComponent(".build/release/pith").path
    static let isBuilt = FileManager.default.isExecutableFile(atPath: path)
    /// Whether it finds an ONNX Runtime.
    static let hasRuntime: Bool = {
        guard isBuilt, let workshop = try? Workshop() else { return false }
        return (try? run(["version"], in: workshop))?.output.contains("ONNX Runtime 1.") ?? false
    }()

    /// What a run left.
    struct Result {
        let status: Int32
        let output: String
        let errors: String

        /// The output as a JSON object.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(output.utf8))) as? [String: Any] ?? [:]
        }
    }

    /// Runs `pith` with `arguments` in the folder of `workshop` and waits for its end.
    static func run(
        _ arguments: [String], in workshop: Workshop, environment: [String: String] = [:]
    ) throws -> Result {
        try launch(path, arguments, in: workshop, environment: environment).finish()
    }

    /// Runs a line of the shell, in which `pith` is known.
    static func shell(_ line: String, in workshop: Workshop) throws -> Result {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let search = "\(folder):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
        return try launch("/bin/sh", ["-c", line], in: workshop, environment: ["PATH": search]).finish()
    }

    /// A process on its way, its output going to files.
    struct Running {
        let process: Process
        let output: URL
        let errors: URL

        func finish() -> Result {
            process.waitUntilExit()
            defer { for file in [output, errors] { try? FileManager.default.removeItem(at: file) } }
            func text(_ file: URL) -> String {
                String(decoding: FileManager.default.contents(atPath: file.path) ?? Data(), as: UTF8.self)
            }
            return Result(status: process.terminationStatus, output: text(output), errors: text(errors))
        }
    }

    static func launch(
        _ program: String, _ arguments: [String], in workshop: Workshop, environment: [String: String] = [:]
    ) throws -> Running {
        let files = try ["out", "err"].map { kind in
            let file = workshop.logs.appendingPathComponent("\(UUID().uuidString).\(kind)")
            try Data().write(to: file)
            return file
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.currentDirectoryURL = workshop.folder
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: files[0])
        process.standardError = try FileHandle(forWritingTo: files[1])
        // The machine's own profile is neither read nor written; help is wrapped the same everywhere.
        let fixed = ["XDG_CACHE_HOME": workshop.cache.path, "COLUMNS": "80", "TMPDIR": workshop.temporary.path]
        process.environment = ProcessInfo.processInfo.environment.merging(fixed) { $1 }.merging(environment) { $1 }
        try process.run()
        return Running(process: process, output: files[0], errors: files[1])
    }
}
