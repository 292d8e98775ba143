import ArgumentParser
import Foundation
import PithFormats
import PithReport

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a .pith file, and name what is damaged.",
        discussion: "Example: pith verify model.pith")

    @Argument(help: "The container.")
    var container: String

    @Option(help: "Threads for the work, by default one for each processor.")
    var threads: Int?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
    }

    func run() async throws {
        let file = try ContainerFile(path: container)
        let meter = ProgressMeter("verified", of: file.directory.files.reduce(0) { $0 + $1.byteCount })
        let damage = try await ContainerVerifier(
            file, threads: threads ?? ProcessInfo.processInfo.activeProcessorCount
        ).damagedBlocks(progress: meter.tell)
        Console.endProgress()
        let text = VerifyText(file, damage: damage)
        switch shared.format {
        case .text: try Console.print(text.text)
        case .json: try Console.print(JSONText.encode(text))
        }
        if !damage.isEmpty { throw ExitCode(ExitStatus.input.rawValue) }
    }
}
