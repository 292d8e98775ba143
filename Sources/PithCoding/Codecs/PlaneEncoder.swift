internal import CPithKernels
internal import PithTensor

/// Stores planes of bytes in the mode that takes least room, with scratch memory of its own.
final class PlaneEncoder {
    private let ordered = ByteBuffer(), words = ByteBuffer()
    private let instructions: InstructionSet
    private var states = [UInt32](repeating: 0, count: 64)

    /// Planes from this size on are coded by 64 lanes, smaller ones by 4: each lane costs two bytes.
    private static let wideCount = 1 << 15
    /// Bytes looked at before a plane is counted whole.
    private static let sampleCount = 8192

    init(upTo instructions: InstructionSet) { self.instructions = instructions }

    /// Appends the stored form of `count` bytes at `plane`, by tables for the classes that were found, if any.
    func encode(
        _ plane: UnsafePointer<UInt8>, _ count: Int, found: UnitClassifier.Finding? = nil, into out: inout [UInt8]
    ) {
        guard count > 0 else { return out.append(PlaneMode.stored.rawValue) }
        if unsafe isConstant(plane, count) {
            unsafe out.append(contentsOf: [PlaneMode.constant.rawValue, plane.pointee])
        } else if let found, let classes = found.classes {
            unsafe order(plane, count, by: classes)
            let source = unsafe UnsafePointer(ordered.pointer.assumingMemoryBound(to: UInt8.self).baseAddress)
            guard let source = unsafe source else { return }
            unsafe append(source, classes.runs, found.counts, mode: .classes, into: &out)
        } else if let counts = unsafe worthCoding(plane, count, known: found?.counts.first) {
            unsafe append(plane, [count], [counts], mode: .entropy, into: &out)
        } else {
            out.append(PlaneMode.stored.rawValue)
            unsafe out.append(contentsOf: UnsafeBufferPointer(start: plane, count: count))
        }
    }

    /// Appends the stored form of a plane that is not the one in which `classes` were found: whole, or by its parts where those
    /// are smaller.
    func encode(
        _ plane: UnsafePointer<UInt8>, _ count: Int, apart classes: UnitClasses, into out: inout [UInt8]
    ) {
        var whole: [UInt8] = [], parts = [PlaneMode.parts.rawValue], done = 0
        unsafe encode(plane, count, into: &whole)
        unsafe order(plane, count, by: classes)
        let source = unsafe UnsafePointer(ordered.pointer.assumingMemoryBound(to: UInt8.self).baseAddress)
        guard let source = unsafe source else { return }
        for run in classes.runs {
            unsafe encode(source + done, run, into: &parts)
            done += run
        }
        out += parts.count < whole.count ? parts : whole
    }

    private func isConstant(_ plane: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        unsafe plane[0] == plane[count - 1] && pith_same_bytes(plane, count) != 0
    }

    /// How often each symbol is in a plane that coding makes at least one hundredth smaller; nil for others: decoding for less
    /// is not worth the time.
    private func worthCoding(_ plane: UnsafePointer<UInt8>, _ count: Int, known: [UInt32]?) -> [UInt32]? {
        var counts = [UInt32](repeating: 0, count: 256)
        if count > 4 * PlaneEncoder.sampleCount {
            let pieces = 8, length = PlaneEncoder.sampleCount / pieces
            for piece in 0..<pieces {
                unsafe pith_histogram_u8(plane + piece * (count / pieces), length, &counts)
            }
            if unsafe pith_entropy_cost(counts) > UInt64(PlaneEncoder.sampleCount) * 2020 { return nil }
            counts = [UInt32](repeating: 0, count: 256)
        }
        if let known { counts = known } else { unsafe pith_histogram_u8(plane, count, &counts) }
        let overhead = FrequencyTable.storedBits(of: counts) / 8 + 4 * PlaneEncoder.lanes(count) + 6
        return unsafe Int(pith_entropy_cost(counts) >> 11) + overhead < count - count / 100 ? counts : nil
    }

    private static func lanes(_ count: Int) -> Int { count >= wideCount ? 64 : 4 }

    /// Brings the units of a plane into class order.
    private func order(_ plane: UnsafePointer<UInt8>, _ count: Int, by classes: UnitClasses) {
        ordered.resize(to: count)
        guard let target = unsafe ordered.pointer.baseAddress else { return }
        for (index, start) in classes.starts.enumerated() {
            let length = min(classes.unit, count - index * classes.unit)
            unsafe (target + start).copyMemory(from: plane + index * classes.unit, byteCount: length)
        }
    }

    /// Codes runs of symbols, counted in `counts`: lanes, tables, states and words, behind their length.
    private func append(
        _ symbols: UnsafePointer<UInt8>, _ runs: [Int], _ counts: [[UInt32]], mode: PlaneMode, into out: inout [UInt8]
    ) {
        var bits = BitWriter(), tables = [UInt64](repeating: 0, count: 256 * runs.count)
        for (index, counts) in counts.enumerated() {
            let table = FrequencyTable(counts: counts)
            table.write(to: &bits)
            unsafe tables.withUnsafeMutableBufferPointer { tables in
                guard let base = tables.baseAddress else { return }
                unsafe pith_rans_encoder_table(table.frequencies, base + 256 * index)
            }
        }
        let total = runs.reduce(0, +), lanes = PlaneEncoder.lanes(total)
        words.resize(to: 2 * (total + 32))
        let end = unsafe words.pointer.assumingMemoryBound(to: UInt16.self).baseAddress.map { unsafe $0 + total + 32 }
        guard let end = unsafe end else { return }
        let count = unsafe pith_rans_encode(
            tables, symbols, runs, runs.count, UInt32(lanes), end, &states, instructions.rawValue)
        var head = ByteWriter()
        let stored = bits.bytes
        head.byte(mode.rawValue)
        head.varint(1 + stored.count + 4 * lanes + 2 * count)
        head.byte(UInt8(lanes.trailingZeroBitCount))
        head.append(stored)
        for state in states[..<lanes] { head.number(state) }
        out.append(contentsOf: head.bytes)
        unsafe out.append(contentsOf: UnsafeRawBufferPointer(start: end - count, count: 2 * count))
    }
}
