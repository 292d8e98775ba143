internal import PithCoding
internal import PithTensor

/// Checks every block of a container and goes on where one is damaged.
package struct ContainerVerifier: Sendable {
    private let file: ContainerFile
    private let threads: Int

    /// Checks `file`, whose directory and index are known to be sound.
    package init(_ file: ContainerFile, threads: Int) {
        self.file = file
        self.threads = max(threads, 1)
    }

    /// A block that can not be decoded.
    package struct Damage: Sendable {
        package let block: Int
        /// What is wrong.
        package let problem: String
        /// Arrays that are lost in whole or in part, duplicates included; text is named after its file.
        package let arrays: [String]
    }

    /// The blocks that can not be decoded, in order.
    ///
    /// - Throws: `CancellationError`.
    package func damagedBlocks(progress: @escaping @Sendable (Int) -> Void = { _ in }) async throws -> [Damage] {
        let next = SharedCounter(), done = SharedCounter(), directory = file.directory
        let found = try await withThrowingTaskGroup(of: [Damage].self) { group in
            for _ in 0..<min(threads, max(directory.blocks.count, 1)) {
                group.addTask {
                    let decoder = BlockDecoder(), frame = ByteBuffer(), output = ByteBuffer()
                    var damage: [Damage] = []
                    while true {
                        let block = next.next()
                        guard block < directory.blocks.count else { return damage }
                        try Task.checkCancellation()
                        do throws(FormatError) {
                            try file.read(block: block, by: decoder, through: frame, into: output)
                            progress(done.add(output.count))
                        } catch {
                            damage.append(self.damage(block, error))
                        }
                    }
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        return found.sorted { $0.block < $1.block }
    }

    private func damage(_ block: Int, _ error: FormatError) -> Damage {
        let directory = file.directory
        let arrays = directory.blocks[block].segments.flatMap { directory.copies[$0.array] }
        return Damage(block: block, problem: error.problem, arrays: arrays.map { directory.arrays[$0].name })
    }
}
