import ArgumentParser
import Foundation
import PithFormats
import PithReport
import PithTensor

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check every byte of a .pith file, and name what is damaged.",
        discussion: "Example: pith verify model.pith")

    @Argument(help: "The container; - is standard input, of which the first damage is told.")
    var container: String

    @Option(help: "Threads for the work, by default one for each processor.")
    var threads: Int?

    @OptionGroup var shared: SharedOptions

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
    }

    func run() async throws {
        let text = try await container == "-" ? verifyPipe() : verifyFile()
        switch shared.format {
        case .text: try Console.print(text.text)
        case .json: try Console.print(JSONText.encode(text))
        }
        if text.isDamaged { throw ExitCode(ExitStatus.input.rawValue) }
    }

    private var workers: Int { threads ?? ProcessInfo.processInfo.activeProcessorCount }

    private func verifyPipe() async throws -> VerifyText {
        let name = "standard input", stream = try ContainerStream(.standardInput, named: name)
        let meter = ProgressMeter("verified", of: stream.directory.files.reduce(0) { $0 + $1.byteCount })
        try await ContainerUnpacker(.stream(stream), named: name, threads: workers).check(progress: meter.tell)
        Console.endProgress()
        guard let end = await stream.end else { preconditionFailure("The end of a sound container was not read.") }
        return VerifyText(name, bytes: end.byteCount, blocks: stream.directory.blocks.count, root: end.root)
    }

    private func verifyFile() async throws -> VerifyText {
        let file = try ContainerFile(path: container)
        let meter = ProgressMeter("verified", of: file.directory.files.reduce(0) { $0 + $1.byteCount })
        let damage = try await ContainerVerifier(file, threads: workers).damagedBlocks(progress: meter.tell)
        Console.endProgress()
        return VerifyText(file, damage: damage)
    }
}
