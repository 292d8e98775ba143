internal import Foundation
internal import PithCoding
internal import PithTensor

/// Brings the files of a container back, byte for byte; blocks are decoded in parallel.
///
/// Everything is checked before the files take their place.
package struct ContainerUnpacker: Sendable {
    /// Where the container comes from.
    package enum Source: Sendable {
        case file(ContainerFile)
        case stream(ContainerStream)

        /// What the container holds.
        package var directory: ContainerDirectory {
            switch self {
            case .file(let file): file.directory
            case .stream(let stream): stream.directory
            }
        }
    }

    private let source: Source
    private let name: String
    private let threads: Int

    /// Unpacks `source`; `name` names it in errors.
    package init(_ source: Source, named name: String, threads: Int) {
        self.source = source
        self.name = name
        self.threads = max(threads, 1)
    }

    /// Writes the first file to `path` and the others beside it, under their own names.
    ///
    /// What was at `path` is replaced. The others only take the place of files that have the same bytes.
    ///
    /// - Returns: The paths of the files and their bytes in all.
    /// - Throws: `FormatError` when the container is damaged, a file can not be written, or another file has the name of
    ///   one that comes beside; `CancellationError`.
    package func unpack(
        to path: String, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> (paths: [String], byteCount: Int) {
        let directory = source.directory, url = URL(fileURLWithPath: path)
        guard let first = directory.files.first else {
            throw FormatError(
                code: .corrupt, subject: name, problem: "it holds no file.", remedy: FormatError.damaged)
        }
        var names = directory.files.map(\.name)
        names[0] = url.lastPathComponent
        guard Set(names).count == names.count else {
            throw FormatError(
                code: .unwritable, subject: path, problem: "the model has another file of this name.",
                remedy: "Unpack it to '\(first.name)'.")
        }
        let neighbours = NeighbourFiles(
            folder: url.deletingLastPathComponent(),
            files: Array(zip(names, directory.files.map(\.byteCount)).dropFirst()))
        try neighbours.requireFreeOrOfSameSize()
        let staged = try StagedOutput(beside: path)
        var outputs: [OutputFile] = []
        for (file, name) in zip(directory.files, names) {
            let output = try staged.create(name)
            do throws(SystemFailure) { try output.extend(to: file.byteCount) } catch {
                throw StagedOutput.failure(path, "there is no room for \(file.byteCount) bytes (\(error.reason)).")
            }
            outputs.append(output)
        }
        try await decodeAll(into: outputs, path: path, progress)
        for (name, output) in zip(names, outputs) { try staged.complete(name, output) }
        try neighbours.requireFreeOrSame { staged.path(of: $0) }
        try staged.commit()
        let folder = url.deletingLastPathComponent()
        return (
            names.map { folder.appendingPathComponent($0).path },
            directory.files.reduce(0) { $0 + $1.byteCount }
        )
    }

    /// Decodes every block and throws the pieces away.
    ///
    /// - Throws: `FormatError` for the first damage.
    package func check(progress: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        try await decodeAll(into: [], path: name, progress)
    }

    private func decodeAll(
        into outputs: [OutputFile], path: String, _ progress: @escaping @Sendable (Int) -> Void
    ) async throws {
        let next = SharedCounter(), done = SharedCounter(), directory = source.directory
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(threads, max(directory.blocks.count, 1)) {
                group.addTask {
                    let worker = UnpackWorker(directory: directory, outputs: outputs, name: name, path: path)
                    while true {
                        try Task.checkCancellation()
                        switch source {
                        case .file(let file):
                            let block = next.next()
                            guard block < directory.blocks.count else { return }
                            try worker.decode(block, of: file)
                            try worker.write(block)
                            progress(done.add(worker.output.count))
                        case .stream(let stream):
                            guard let (block, offset, frame) = try await stream.next() else { return }
                            try worker.decode(block, frame, at: offset)
                            try worker.write(block)
                            progress(done.add(worker.output.count))
                        }
                    }
                }
            }
            for try await _ in group {}
        }
        if case .stream(let stream) = source { try await stream.finish() }
    }
}

/// Decodes blocks with buffers of its own and writes what they hold to where it belongs.
private final class UnpackWorker {
    private let directory: ContainerDirectory
    private let outputs: [OutputFile]
    private let name: String
    private let path: String
    private let decoder = BlockDecoder(), frame = ByteBuffer()
    /// The block that was decoded last.
    let output = ByteBuffer()

    init(directory: ContainerDirectory, outputs: [OutputFile], name: String, path: String) {
        self.directory = directory
        self.outputs = outputs
        self.name = name
        self.path = path
    }

    func decode(_ number: Int, of file: ContainerFile) throws(FormatError) {
        try file.read(block: number, by: decoder, through: frame, into: output)
    }

    func decode(_ number: Int, _ frame: Storage, at offset: Int) throws(FormatError) {
        try directory.decode(
            frame, asBlock: number, expecting: nil, at: offset, path: name, by: decoder, into: output)
    }

    func write(_ number: Int) throws(FormatError) {
        guard !outputs.isEmpty else { return }
        var start = 0
        for segment in directory.blocks[number].segments {
            let width = directory.arrays[segment.array].layout.width
            let range = segment.start * width..<(segment.start + segment.count) * width
            for copy in directory.copies[segment.array] {
                for (place, part) in directory.places(of: copy, range) {
                    let first = start + part.lowerBound - range.lowerBound
                    do throws(SystemFailure) {
                        try outputs[place.file].write(
                            output, first..<first + part.count, at: place.offset + part.lowerBound - place.start)
                    } catch { throw StagedOutput.failure(path, "writing failed (\(error.reason)).") }
                }
            }
            start += range.count
        }
    }
}
