import ArgumentParser
import Foundation

/// The command line: parses, calls the libraries, prints.
@main
struct Pith: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pith",
        abstract: "Make trained neural networks small and fast, and prove what it did.",
        subcommands: [
            InspectCommand.self, CompressCommand.self, EvaluateCommand.self, CompareCommand.self, RecipesCommand.self,
            PackCommand.self, UnpackCommand.self, VerifyCommand.self, DemoCommand.self, VersionCommand.self,
            RunOnceCommand.self,
        ])

    static func main() async {
        _ = ProcessStart.instant
        Signals.cleanUpOnInterrupt()
        do {
            // An option of the root would stand in the help of every command.
            let arguments = CommandLine.arguments.dropFirst()
            var command = try parseAsRoot(arguments == ["--version"] ? ["version"] : Array(arguments))
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            ExitStatus.exit(with: error, as: self)
        }
    }
}
