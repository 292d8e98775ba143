import ArgumentParser
import PithCompression
import PithReport
import PithRuntime

struct VersionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "version", abstract: "Show the versions of Pith and of the runtime it finds.")

    @OptionGroup var shared: SharedOptions

    private struct Versions: Encodable {
        let pith: String
        let onnxRuntime: String?
        let library: String?
    }

    func run() throws {
        let runtime = try? Runtime.load()
        let versions = Versions(
            pith: PithVersion.current, onnxRuntime: runtime?.version, library: runtime?.libraryPath)
        switch shared.format {
        case .text:
            try Console.print("pith \(versions.pith)")
            if let runtime {
                try Console.print("ONNX Runtime \(runtime.version) (\(runtime.libraryPath))")
            } else {
                try Console.print("ONNX Runtime not found: run `make setup`, or set PITH_ONNXRUNTIME to its library.")
            }
        case .json: try Console.print(JSONText.encode(versions))
        }
    }
}
