package import PithCoding
package import PithTensor

/// Writes the container of a model: blocks are coded in parallel and written in order, to a file or a pipe.
///
/// The bytes are the same with any number of threads. Memory is a few blocks for each thread, whatever the model's size.
package struct ContainerPacker: Sendable {
    /// What packing came to.
    package struct Report: Sendable {
        /// Bytes of the model's files.
        package let inputBytes: Int
        /// Bytes of the container.
        package let outputBytes: Int
        /// Arrays of numbers, and how many of them are stored once for several.
        package let arrays: Int
        package let duplicates: Int
        package let blocks: Int
        /// The root of the hash tree.
        package let root: String
        /// What the model's owner should know.
        package let notes: [String]
    }

    private let model: PackedModel
    private let plan: ContainerPlan
    private let source: BlockSource
    private let threads: Int
    private let codec: BlockCodec

    /// Plans the container of `model`, whose blocks `codec` will code.
    ///
    /// - Throws: `FormatError` when a file can not be read, or the codec's library is not there.
    package init(_ model: PackedModel, threads: Int, codec: BlockCodec = .auto) throws(FormatError) {
        do { try codec.require() } catch { throw FormatError(error, file: "--codec") }
        self.codec = codec
        self.model = model
        self.threads = max(threads, 1)
        plan = try ContainerPlan(model)
        source = try BlockSource(model, plan.directory)
    }

    /// Writes the container to `output`, which is left open.
    ///
    /// `progress` is told how many of the model's bytes are done.
    ///
    /// - Throws: `FormatError` when a file can not be read or the output not be written; `CancellationError`.
    package func pack(
        to output: OutputFile, named target: String, progress: @escaping @Sendable (Int) -> Void = { _ in }
    ) async throws -> Report {
        let directory = ContainerFrame.encoded(.directory, DirectoryBody.encoded(plan.directory.encoded))
        let sink = OrderedSink(output, named: target, start: ContainerFrame.preamble + directory)
        try await sink.begin()
        let next = SharedCounter(), done = SharedCounter()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<min(threads, max(plan.directory.blocks.count, 1)) {
                group.addTask {
                    let worker = PackWorker(source, codec)
                    while true {
                        let block = next.next()
                        guard block < plan.directory.blocks.count else { return }
                        try Task.checkCancellation()
                        let (frame, byteCount) = try worker.frame(of: block, unit: plan.units[block])
                        try await sink.submit(frame, as: block)
                        progress(done.add(byteCount))
                    }
                }
            }
            do {
                for try await _ in group {}
            } catch {
                await sink.fail()
                throw error
            }
        }
        let (count, root) = try await sink.end(directory: directory)
        return Report(
            inputBytes: model.files.reduce(0) { $0 + $1.byteCount }, outputBytes: count, arrays: model.arrays.count,
            duplicates: plan.directory.arrays.count { $0.original != nil }, blocks: plan.directory.blocks.count,
            root: root.hex, notes: model.notes)
    }
}

/// Reads and codes blocks with buffers of its own.
private final class PackWorker {
    private let source: BlockSource
    private let codec: BlockCodec
    private let encoder = BlockEncoder(), raw = ByteBuffer()

    init(_ source: BlockSource, _ codec: BlockCodec) {
        self.source = source
        self.codec = codec
    }

    /// The frame of a block, and how many bytes of the model it holds.
    func frame(of number: Int, unit: Int) throws(FormatError) -> (frame: [UInt8], byteCount: Int) {
        let layout = try source.gather(number, into: raw)
        do throws(CodingError) {
            let body = try raw.withBytes { (bytes) throws(CodingError) in
                try encoder.encode(bytes, layout: layout, unit: unit, codec: codec)
            }
            return (ContainerFrame.encoded(.block, body), raw.count)
        } catch { throw FormatError(error, file: "block \(number)") }
    }
}

extension ContainerDirectory {
    /// The places that hold the bytes `range` of an array, each with the part of the range it holds.
    func places(of array: Int, _ range: Range<Int>) -> [(place: Place, part: Range<Int>)] {
        let all = places[array]
        var low = 0, high = all.count
        while low < high {
            let middle = (low + high) / 2
            if all[middle].start + all[middle].byteCount <= range.lowerBound { low = middle + 1 } else { high = middle }
        }
        return all[low...].prefix { $0.start < range.upperBound }.map { place in
            (place, max(place.start, range.lowerBound)..<min(place.start + place.byteCount, range.upperBound))
        }
    }
}
