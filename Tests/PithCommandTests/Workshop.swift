import Foundation
import PithFormats
import PithModel
import PithTensor

/// A folder for one test with the example's model and data in it, deleted when the test lets go of it.
final class Workshop {
    private let root: URL
    /// Where the program runs.
    let folder: URL
    /// Where the program's output goes.
    let logs: URL
    /// Where the machine profile goes.
    let cache: URL
    /// The program's folder for temporary files.
    let temporary: URL

    init() throws {
        root = FileManager.default.temporaryDirectory.appendingPathComponent("pith-command-\(UUID().uuidString)")
        folder = root.appendingPathComponent("work")
        logs = root.appendingPathComponent("logs")
        cache = root.appendingPathComponent("cache")
        temporary = root.appendingPathComponent("temporary")
        for folder in [folder, logs, cache, temporary] {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        }
        let example = Program.package.appendingPathComponent("Examples/Digits")
        for (from, to) in [("digits.onnx", "model.onnx"), ("digits.npz", "digits.npz"), ("digits.yaml", "card.yaml")] {
            try FileManager.default.copyItem(
                at: example.appendingPathComponent(from), to: folder.appendingPathComponent(to))
        }
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }

    func write(_ name: String, _ bytes: [UInt8]) throws {
        try Data(bytes).write(to: folder.appendingPathComponent(name))
    }

    /// Everything in the program's folder, hidden files too.
    var names: Set<String> { Set((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []) }

    /// What is left in the program's folder for temporary files, hidden files too.
    var leftovers: [String] { (try? FileManager.default.contentsOfDirectory(atPath: temporary.path)) ?? [] }

    /// What is in the folder that the program and its runtime take for the user's caches.
    var caches: [String] { (try? FileManager.default.contentsOfDirectory(atPath: cache.path)) ?? [] }

    /// A data card over the example's data, with some of its lines replaced.
    func card(_ name: String, replacing lines: [(String, String)]) throws {
        var text = try String(contentsOfFile: path("card.yaml"), encoding: .utf8)
        for (old, new) in lines { text = text.replacingOccurrences(of: old, with: new) }
        try write(name, text)
    }

    /// Writes the example's model, changed.
    func model(_ name: String, _ change: (inout Model) throws -> Void) throws {
        var model = try ONNXReader.read(path: path("model.onnx"))
        try change(&model)
        try write(name, try ONNXWriter.encode(model))
    }
}
