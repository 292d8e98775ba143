package import PithCoding
internal import PithTensor

/// Packs a model in memory with each codec, one thread, and measures size, speed and memory.
package final class CodecComparison {
    /// What one codec came to.
    package struct Row: Sendable {
        package let codec: BlockCodec
        /// Bytes of the container.
        package let byteCount: Int
        /// Seconds of coding and of decoding all blocks.
        package let encodeSeconds: Double
        package let decodeSeconds: Double
        /// Most memory of the process meanwhile; nil where the system does not tell.
        package let peakBytes: Int?
    }

    /// Bytes of the model's files.
    package let byteCount: Int
    private let plan: ContainerPlan
    private let source: BlockSource
    /// Bytes of the container in front of its blocks.
    private let directoryByteCount: Int

    /// Plans the blocks of `model`.
    ///
    /// - Throws: `FormatError` when a file can not be read.
    package init(_ model: PackedModel) throws(FormatError) {
        byteCount = model.files.reduce(0) { $0 + $1.byteCount }
        plan = try ContainerPlan(model)
        source = try BlockSource(model, plan.directory)
        let directory = ContainerFrame.encoded(.directory, DirectoryBody.encoded(plan.directory.encoded))
        directoryByteCount = ContainerFrame.preamble.count + directory.count
    }

    /// Codes every block with `codec`, decodes it again and compares.
    ///
    /// - Throws: `FormatError` when a file can not be read, or the codec's library is not there or fails.
    package func row(of codec: BlockCodec) throws(FormatError) -> Row {
        let encoder = BlockEncoder(), decoder = BlockDecoder(), raw = ByteBuffer(), output = ByteBuffer()
        let clock = ContinuousClock(), hasPeak = ResidentMemory.resetPeak()
        var encoding = Duration.zero, decoding = Duration.zero, index = ContainerIndex()
        do {
            for number in plan.directory.blocks.indices {
                let layout = try source.gather(number, into: raw), unit = plan.units[number]
                let start = clock.now
                let body = try raw.withBytes { bytes throws(CodingError) in
                    try encoder.encode(bytes, layout: layout, unit: unit, codec: codec)
                }
                encoding += start.duration(to: clock.now)
                let stored = Storage(body), middle = clock.now
                try decoder.decode(
                    stored, layout: layout, count: plan.directory.blocks[number].elementCount,
                    named: codec.rawValue, into: output)
                decoding += middle.duration(to: clock.now)
                // Checksums take the same bytes whatever they are.
                index.entries.append(ContainerIndex.Entry(byteCount: body.count, checksum: 0))
                guard output.storage(0..<output.count) == raw.storage(0..<raw.count) else {
                    throw BlockCodec.wrong(codec)
                }
            }
        } catch let error as CodingError {
            throw FormatError(error, file: "block")
        } catch let error as FormatError {
            throw error
        } catch {
            preconditionFailure("A block was refused with a foreign error: \(error).")
        }
        return Row(
            codec: codec, byteCount: byteCount(of: index), encodeSeconds: encoding / .seconds(1),
            decodeSeconds: decoding / .seconds(1),
            peakBytes: hasPeak ? ResidentMemory.peakBytes : nil)
    }

    /// Bytes of the container whose blocks `index` lists.
    private func byteCount(of index: ContainerIndex) -> Int {
        let blocks = index.entries.reduce(0) { $0 + $1.byteCount + ContainerFrame.overhead }
        return directoryByteCount + blocks + index.encoded.count + ContainerFrame.overhead + ContainerFrame.endCount
    }
}
