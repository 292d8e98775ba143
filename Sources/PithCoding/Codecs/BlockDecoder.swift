internal import CPithKernels
package import PithTensor

/// Brings blocks back to the bytes they were made of.
///
/// Scratch memory is allocated once and used for every block, so a decoder belongs to one worker. Nothing that a body says
/// makes it allocate more than a small multiple of the block's stated size.
package final class BlockDecoder {
    private let planes: PlaneDecoder, levels: LevelsDecoder
    private let split = ByteBuffer(), kept = ByteBuffer(), mask = ByteBuffer()

    /// A decoder whose loops use no other `instructions`; the elements are the same.
    package init(upTo instructions: InstructionSet = .widest) {
        planes = PlaneDecoder(upTo: instructions)
        levels = LevelsDecoder(planes: planes, upTo: instructions)
    }

    /// Decodes `body` into `output`, which becomes `count` elements of `layout`.
    ///
    /// - Throws: `CodingError` `.corrupt` or `.truncated` when the body does not make exactly these elements;
    ///   `.unsupported` for a method that is not known.
    package func decode(
        _ body: Storage, layout: NumberLayout, count: Int, named subject: String, into output: ByteBuffer
    ) throws(CodingError) {
        precondition(count > 0 && count <= BlockEncoder.mostElements, "A block can not hold \(count) elements.")
        output.resize(to: count * layout.width)
        var reader = ByteReader(body, named: subject)
        let target = unsafe output.pointer.assumingMemoryBound(to: UInt8.self)
        unsafe try decode(&reader, layout, count, isNested: false, into: target)
        guard reader.remaining == 0 else {
            throw reader.corrupt("\(reader.remaining) bytes stand behind the block's end")
        }
    }

    private func decode(
        _ reader: inout ByteReader, _ layout: NumberLayout, _ count: Int, isNested: Bool,
        into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let start = reader.offset, number = try reader.byte()
        switch BlockMethod(rawValue: number) {
        case .stored:
            let bytes = try reader.take(target.count)
            unsafe bytes.withUnsafeBytes { unsafe UnsafeMutableRawBufferPointer(target).copyMemory(from: $0) }
        case .constant:
            let value = try reader.array(layout.width)
            for index in 0..<target.count { unsafe target[index] = value[index % layout.width] }
        case .planes: unsafe try decodePlanes(&reader, layout, count, into: target)
        case .sparse where !isNested: unsafe try decodeSparse(&reader, layout, count, into: target)
        case .palette where !isNested: unsafe try decodePalette(&reader, layout.width, count, into: target)
        case .repeats where !isNested:
            _ = unsafe try planes.decode(&reader, classes: nil, allowsRepeats: true, into: target)
        case .levels where !isNested && layout.width == 1: unsafe try levels.decode(&reader, into: target)
        case .deflate, .zstd, .lz4, .lzo, .brotli:
            guard !isNested, let method = BlockMethod(rawValue: number) else {
                throw reader.corrupt("the block's method \(number) can not be nested", at: start)
            }
            let coded = try reader.take(reader.remaining), output = UnsafeMutableRawBufferPointer(target)
            let library = try BlockCodec.library(method)
            unsafe try coded.withUnsafeBytes { (bytes) throws(CodingError) in
                unsafe try library?.decode(bytes, into: output)
            }
        case nil:
            throw CodingError(
                code: .unsupported, subject: "\(reader.subject), byte \(start)",
                problem: "the block is stored by method \(number), which this version does not know.",
                remedy: "Use a newer version of Pith.")
        default: throw reader.corrupt("the block's method \(number) can not stand here", at: start)
        }
    }

    private func decodePlanes(
        _ reader: inout ByteReader, _ layout: NumberLayout, _ count: Int,
        into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let classes = try readClasses(&reader, count)
        guard layout.width > 1 else {
            // A single plane in the order of its elements is what is wanted.
            let isOrdered = unsafe try planes.decode(&reader, classes: classes, into: target)
            guard isOrdered, let classes else { return }
            split.resize(to: count)
            unsafe split.pointer.copyMemory(from: UnsafeRawBufferPointer(target))
            return unsafe merge(
                [UnsafeRawPointer(split.pointer.baseAddress)], target, layout, count, classes, ordered: 1)
        }
        split.resize(to: count * layout.width)
        let scratch = unsafe split.pointer.assumingMemoryBound(to: UInt8.self)
        var ordered = 0, kept: [Storage] = []
        var sources = unsafe [UnsafeRawPointer?]()
        for plane in 0..<layout.width {
            // Stored planes are read where they lie.
            if let bytes = try planes.stored(&reader, count) {
                kept.append(bytes)
                let base = unsafe bytes.withUnsafeBytes { $0.baseAddress }
                unsafe sources.append(base)
                continue
            }
            let part = unsafe UnsafeMutableBufferPointer(rebasing: scratch[plane * count..<(plane + 1) * count])
            let isOrdered = unsafe try planes.decode(&reader, classes: classes, into: part)
            if isOrdered { ordered |= 1 << plane }
            unsafe sources.append(UnsafeRawPointer(part.baseAddress))
        }
        withExtendedLifetime(kept) {
            unsafe merge(sources, target, layout, count, classes, ordered: ordered)
        }
    }

    /// Puts planes together, unit by unit where the bits of `ordered` say that a plane is in class order.
    private func merge(
        _ planes: [UnsafeRawPointer?], _ target: UnsafeMutableBufferPointer<UInt8>, _ layout: NumberLayout,
        _ count: Int, _ classes: UnitClasses?, ordered: Int
    ) {
        guard let output = target.baseAddress else { return }
        let unit = ordered == 0 ? count : classes?.unit ?? count
        var sources = unsafe [UnsafePointer<UInt8>?](repeating: nil, count: layout.width)
        for (index, start) in stride(from: 0, to: count, by: unit).enumerated() {
            let place = ordered == 0 ? start : classes?.starts[index] ?? start
            for plane in 0..<layout.width {
                unsafe sources[plane] = planes[plane].map {
                    unsafe ($0 + (ordered >> plane & 1 == 1 ? place : start)).assumingMemoryBound(to: UInt8.self)
                }
            }
            unsafe pith_merge_planes(
                sources, min(unit, count - start), UInt32(layout.width), layout.isRotated ? 1 : 0,
                output + start * layout.width)
        }
    }

    private func readClasses(_ reader: inout ByteReader, _ count: Int) throws(CodingError) -> UnitClasses? {
        let start = reader.offset, classCount = Int(try reader.byte())
        guard classCount != 1 else { return nil }
        guard (2...UnitClasses.limit).contains(classCount) else {
            throw reader.corrupt("the block has \(classCount) classes", at: start)
        }
        let unit = try reader.varint("the size of a unit", atMost: count)
        guard unit > 0 else { throw reader.corrupt("its units are empty", at: start) }
        let unitCount = (count + unit - 1) / unit, width = UnitClasses.bitsPerUnit(classCount)
        var map = BitReader(try reader.array((unitCount * width + 7) / 8))
        var classOfUnit = [UInt8](repeating: 0, count: unitCount)
        for index in 0..<unitCount { classOfUnit[index] = UInt8(map.bits(width) ?? 0) }
        let classes = UnitClasses(unit: unit, classOfUnit: classOfUnit, classCount: classCount, elementCount: count)
        guard map.hasCleanEnd, let classes else {
            throw reader.corrupt("the map of its classes is not sound", at: start)
        }
        return classes
    }

    private func decodeSparse(
        _ reader: inout ByteReader, _ layout: NumberLayout, _ count: Int,
        into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let start = reader.offset
        let found = try reader.varint("the number of elements that are not zero", atMost: count)
        mask.resize(to: (count + 7) / 8)
        kept.resize(to: found * layout.width + 64)
        let bits = unsafe mask.pointer.assumingMemoryBound(to: UInt8.self)
        _ = unsafe try planes.decode(&reader, classes: nil, into: bits)
        let spare = unsafe count % 8 == 0 ? 0 : bits[count / 8] >> UInt8(count % 8)
        guard found > 0, unsafe spare == 0 && pith_count_bits(bits.baseAddress, bits.count) == found else {
            throw reader.corrupt("its mask does not fit \(found) elements", at: start)
        }
        let values = unsafe UnsafeMutableBufferPointer(
            rebasing: kept.pointer.assumingMemoryBound(to: UInt8.self)[..<(found * layout.width)])
        unsafe try decode(&reader, layout, found, isNested: true, into: values)
        unsafe pith_put_nonzero(bits.baseAddress, values.baseAddress, count, UInt32(layout.width), target.baseAddress)
    }

    private func decodePalette(
        _ reader: inout ByteReader, _ width: Int, _ count: Int, into target: UnsafeMutableBufferPointer<UInt8>
    ) throws(CodingError) {
        let start = reader.offset, size = Int(try reader.byte()) + 1
        let values = try reader.array(size * width)
        split.resize(to: count)
        let indices = unsafe split.pointer.assumingMemoryBound(to: UInt8.self)
        _ = unsafe try planes.decode(&reader, classes: nil, allowsRepeats: true, into: indices)
        for index in 0..<count {
            let value = unsafe Int(indices[index])
            guard value < size else { throw reader.corrupt("an element is value \(value) of \(size)", at: start) }
            for byte in 0..<width { unsafe target[index * width + byte] = values[value * width + byte] }
        }
    }
}
