internal import PithCoding
internal import PithTensor

/// Writes frames in their order, in whatever order they come.
///
/// Who is more than a few frames ahead waits, so that only a few are in memory.
actor OrderedSink {
    private let output: OutputFile
    private let target: String
    private let start: [UInt8]
    private var ready: [Int: [UInt8]] = [:]
    private var next = 0
    private var index = ContainerIndex()
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var failed = false

    /// Frames that may be ahead of the one that is awaited.
    private static let window = 8

    init(_ output: OutputFile, named target: String, start: [UInt8]) {
        self.output = output
        self.target = target
        self.start = start
    }

    /// Writes what stands before the first block.
    func begin() throws(FormatError) { try write(start) }

    /// Takes the frame of block `number` and writes all that are due.
    ///
    /// - Throws: `FormatError` `.unwritable`; `CancellationError` when another worker failed.
    func submit(_ frame: [UInt8], as number: Int) async throws {
        ready[number] = frame
        try writeDue()
        while isAhead(number) { await turn() }
        if failed { throw CancellationError() }
    }

    /// Writes the frames whose turn it is.
    private func writeDue() throws(FormatError) {
        defer { release() }
        while !failed, let due = ready.removeValue(forKey: next) {
            try write(due)
            let sum = due.suffix(ContainerFrame.tailCount).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            index.entries.append(
                ContainerIndex.Entry(byteCount: due.count - ContainerFrame.overhead, checksum: sum))
            next += 1
        }
    }

    private func isAhead(_ number: Int) -> Bool { !failed && number >= next + OrderedSink.window }

    private func turn() async {
        await withCheckedContinuation { waiting.append($0) }
    }

    /// Lets everyone who waits go on to their end.
    func fail() {
        failed = true
        release()
    }

    /// Writes the index and the end; answers the size of the whole and the root of its hash tree.
    ///
    /// - Throws: `FormatError` `.unwritable`.
    func end(directory: [UInt8]) throws(FormatError) -> (byteCount: Int, root: SHA256Digest) {
        let frame = ContainerFrame.encoded(.index, index.encoded)
        let offset = index.offsets(from: start.count)[index.entries.count]
        let root = ContainerIndex.root(directory: Storage(directory), index: Storage(frame))
        let end = ContainerIndex.end(at: offset, byteCount: frame.count, root: root)
        try write(frame)
        try write(end)
        return (offset + frame.count + end.count, root)
    }

    private func release() {
        let all = waiting
        waiting = []
        for one in all { one.resume() }
    }

    private func write(_ bytes: [UInt8]) throws(FormatError) {
        do throws(SystemFailure) {
            try output.write(bytes)
        } catch {
            failed = true
            release()
            throw StagedOutput.failure(target, "writing failed (\(error.reason)).")
        }
    }
}
