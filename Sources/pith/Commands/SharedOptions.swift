import ArgumentParser
import Foundation
import PithCompression

/// How results are printed.
enum ResultFormat: String, ExpressibleByArgument, CaseIterable {
    case text, json
}

/// Options of every command.
struct SharedOptions: ParsableArguments {
    @Option(name: .customLong("format"), help: "How results are printed: text or json.")
    var format = ResultFormat.text
}

/// Options of commands that make models.
struct WorkOptions: ParsableArguments {
    @Option(help: "Threads for the work, by default one for each processor; the output is the same with any number.")
    var threads: Int?

    @Option(help: "Seed of random choices.")
    var seed: UInt64 = 0

    @Option(help: "File that keeps answers about this machine's speed, or none for fixed rules.")
    var profile: String?

    func validate() throws {
        guard threads.map({ $0 > 0 }) ?? true else { throw ValidationError("--threads takes a number from 1 up.") }
    }

    /// What these options and `data` ask for.
    ///
    /// - Throws: `FormatError` for a profile that holds something else.
    func options(data: String?) throws -> CompressionOptions {
        var options = CompressionOptions()
        options.data = data
        options.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
        options.seed = seed
        options.profile = try .named(profile)
        options.start = ProcessStart.instant
        return options
    }
}

/// A number of bytes, with an optional unit: `500000`, `64 KiB`, `12MB`.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    init?(argument: String) {
        let units: [(String, Double)] = [
            ("KIB", 1024), ("MIB", 1_048_576), ("GIB", 1_073_741_824), ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("B", 1),
        ]
        let text = argument.uppercased().filter { $0 != " " }
        let unit = units.first { text.hasSuffix($0.0) }
        guard let number = Double(text.dropLast(unit?.0.count ?? 0)), number.isFinite else { return nil }
        let product = number * (unit?.1 ?? 1)
        guard product >= 1, product < 9e18 else { return nil }
        bytes = Int(product)
    }
}

extension MachineProfile {
    /// The profile that `--profile` names.
    ///
    /// - Throws: `FormatError` for a file that holds something else.
    static func named(_ name: String?) throws -> MachineProfile {
        switch name {
        case nil: return .standard()
        case "none": return .fixedRules
        case let path?:
            let profile = MachineProfile(.file(path))
            try profile.check()
            return profile
        }
    }

    /// Warns when answers could not be kept.
    func warnOfKeepingFailure() {
        guard let failure = keepingFailure else { return }
        Console.warn("warning: what was measured about this machine's speed is not kept: \(failure)")
    }
}
