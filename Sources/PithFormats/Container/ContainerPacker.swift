internal import PithCoding
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
    }

    private let model: PackedModel
    private let plan: ContainerPlan
    private let inputs: [InputFile]
    private let threads: Int

    /// Plans the container of `model`.
    ///
    /// - Throws: `FormatError` when a file can not be read.
    package init(_ model: PackedModel, threads: Int) throws(FormatError) {
        self.model = model
        self.threads = max(threads, 1)
        plan = try ContainerPlan(model)
        var inputs: [InputFile] = []
        for file in model.files { inputs.append(try InputFile.opened(file.path)) }
        self.inputs = inputs
    }

    /// Writes the container to `output`, which is left open.
    ///
    /// - Parameter progress: Told how many of the model's bytes are done.
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
                    let worker = PackWorker(directory: plan.directory, model: model, inputs: inputs)
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
                try await group.waitForAll()
            } catch {
                await sink.fail()
                throw error
            }
        }
        let (count, root) = try await sink.end(directory: directory)
        return Report(
            inputBytes: model.files.reduce(0) { $0 + $1.byteCount }, outputBytes: count, arrays: model.arrays.count,
            duplicates: plan.directory.arrays.count { $0.original != nil }, blocks: plan.directory.blocks.count,
            root: root.hex)
    }
}

/// Reads and codes blocks with buffers of its own.
private final class PackWorker {
    private let directory: ContainerDirectory
    private let model: PackedModel
    private let inputs: [InputFile]
    private let encoder = BlockEncoder(), raw = ByteBuffer()

    init(directory: ContainerDirectory, model: PackedModel, inputs: [InputFile]) {
        self.directory = directory
        self.model = model
        self.inputs = inputs
    }

    /// The frame of a block, and how many bytes of the model it holds.
    func frame(of number: Int, unit: Int) throws(FormatError) -> (frame: [UInt8], byteCount: Int) {
        let block = directory.blocks[number], layout = directory.arrays[block.segments[0].array].layout
        let byteCount = block.elementCount * layout.width
        raw.resize(to: byteCount)
        var filled = 0
        for segment in block.segments {
            let range = segment.start * layout.width..<(segment.start + segment.count) * layout.width
            for (place, part) in directory.places(of: segment.array, range) {
                let target = filled + part.lowerBound - range.lowerBound
                try inputs[place.file].fill(
                    raw, target..<target + part.count, from: place.offset + part.lowerBound - place.start,
                    path: model.files[place.file].path)
            }
            filled += range.count
        }
        let body = raw.withBytes { encoder.encode($0, layout: layout, unit: unit) }
        return (ContainerFrame.encoded(.block, body), byteCount)
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
