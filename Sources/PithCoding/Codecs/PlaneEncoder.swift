internal import CPithKernels
internal import PithTensor

/// Stores planes of bytes in the mode that takes least room, with scratch memory of its own.
final class PlaneEncoder {
    private let ordered = ByteBuffer(), words = ByteBuffer()
    /// Whether loops for particular processors are left out.
    private let isPortable: Bool
    private var states = [UInt32](repeating: 0, count: 64)

    /// Planes from this size on are coded by 64 lanes, smaller ones by 4: each lane costs two bytes.
    private static let wideCount = 1 << 15
    /// Bytes looked at before a plane is counted whole.
    private static let sampleCount = 8192

    init(isPortable: Bool) { self.isPortable = isPortable }

    /// Appends the stored form of `count` bytes at `plane`, by tables for `classes` when there are any.
    func encode(_ plane: UnsafePointer<UInt8>, _ count: Int, classes: UnitClasses?, into out: inout [UInt8]) {
        guard count > 0 else { return out.append(PlaneMode.stored.rawValue) }
        if unsafe isConstant(plane, count) {
            unsafe out.append(contentsOf: [PlaneMode.constant.rawValue, plane.pointee])
        } else if let classes {
            unsafe order(plane, count, by: classes)
            let source = unsafe UnsafePointer(ordered.pointer.assumingMemoryBound(to: UInt8.self).baseAddress)
            guard let source = unsafe source else { return }
            unsafe append(source, classes.runs, mode: .classes, into: &out)
        } else if unsafe isWorthCoding(plane, count) {
            unsafe append(plane, [count], mode: .entropy, into: &out)
        } else {
            out.append(PlaneMode.stored.rawValue)
            unsafe out.append(contentsOf: UnsafeBufferPointer(start: plane, count: count))
        }
    }

    private func isConstant(_ plane: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        unsafe plane[0] == plane[count - 1] && pith_same_bytes(plane, count) != 0
    }

    /// Whether coding makes a plane at least one hundredth smaller: decoding for less is not worth the time.
    private func isWorthCoding(_ plane: UnsafePointer<UInt8>, _ count: Int) -> Bool {
        var counts = [UInt32](repeating: 0, count: 256)
        if count > 4 * PlaneEncoder.sampleCount {
            let pieces = 8, length = PlaneEncoder.sampleCount / pieces
            for piece in 0..<pieces {
                unsafe pith_histogram_u8(plane + piece * (count / pieces), length, &counts)
            }
            if unsafe pith_entropy_cost(counts) > UInt64(PlaneEncoder.sampleCount) * 2020 { return false }
            counts = [UInt32](repeating: 0, count: 256)
        }
        unsafe pith_histogram_u8(plane, count, &counts)
        let overhead = FrequencyTable.storedBits(of: counts) / 8 + 4 * PlaneEncoder.lanes(count) + 6
        return unsafe Int(pith_entropy_cost(counts) >> 11) + overhead < count - count / 100
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

    /// Codes runs of symbols: lanes, tables, states and words, behind their length.
    private func append(
        _ symbols: UnsafePointer<UInt8>, _ runs: [Int], mode: PlaneMode, into out: inout [UInt8]
    ) {
        var bits = BitWriter(), tables = [UInt64](repeating: 0, count: 256 * runs.count), start = 0
        for (index, run) in runs.enumerated() {
            var counts = [UInt32](repeating: 0, count: 256)
            unsafe pith_histogram_u8(symbols + start, run, &counts)
            let table = FrequencyTable(counts: counts)
            table.write(to: &bits)
            unsafe tables.withUnsafeMutableBufferPointer { tables in
                guard let base = tables.baseAddress else { return }
                unsafe pith_rans_encoder_table(table.frequencies, base + 256 * index)
            }
            start += run
        }
        let total = start, lanes = PlaneEncoder.lanes(total)
        words.resize(to: 2 * (total + 32))
        let end = unsafe words.pointer.assumingMemoryBound(to: UInt16.self).baseAddress.map { unsafe $0 + total + 32 }
        guard let end = unsafe end else { return }
        let code = unsafe isPortable ? pith_rans_encode_portable : pith_rans_encode
        let count = unsafe code(tables, symbols, runs, runs.count, UInt32(lanes), end, &states)
        var head = ByteWriter()
        head.byte(mode.rawValue)
        head.varint(1 + bits.bytes.count + 4 * lanes + 2 * count)
        head.byte(UInt8(lanes.trailingZeroBitCount))
        head.append(bits.bytes)
        for state in states[..<lanes] { head.number(state) }
        out.append(contentsOf: head.bytes)
        unsafe out.append(contentsOf: UnsafeRawBufferPointer(start: end - count, count: 2 * count))
    }
}
