import Foundation
import PithHostileInput

/// Writes the seeds of every reader into FOLDER/NAME.
guard CommandLine.arguments.count == 2 else { fatalError("usage: Seeds FOLDER") }
for reader in HostileReader.all {
    let folder = URL(fileURLWithPath: CommandLine.arguments[1]).appendingPathComponent(reader.name)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (number, seed) in try reader.seeds().enumerated() {
        precondition(reader.read(seed), "Seed \(number) of \(reader.name) is refused.")
        try Data(seed).write(to: folder.appendingPathComponent("seed-\(number)"))
    }
}
