internal import CPithKernels
internal import PithTensor

/// Codes blocks of elements in the method that takes least room.
///
/// Scratch memory is allocated once and used for every block, so an encoder belongs to one worker.
///
/// - Complexity: O(*n*) time; about four times the block in memory.
package final class BlockEncoder {
    private let planes: PlaneEncoder, levels: LevelsEncoder, classifier = UnitClassifier()
    private let split = ByteBuffer(), kept = ByteBuffer(), mask = ByteBuffer()

    /// Most elements of a block.
    package static let mostElements = 1 << 20
    /// Fewest elements of a byte that are taken for levels.
    private static let fewestLevels = 1 << 10

    /// An encoder without scratch memory yet, whose loops use no other `instructions`; the bytes are the same.
    package init(upTo instructions: InstructionSet = .widest) {
        planes = PlaneEncoder(upTo: instructions)
        levels = LevelsEncoder(planes: planes)
    }

    /// The body of a block that holds `bytes`: a method and what belongs to it.
    ///
    /// `bytes` are whole elements, at least one and at most `mostElements`; `unit` is how many of them belong together,
    /// such as a row, and 0 when none do.
    package func encode(_ bytes: RawSpan, layout: NumberLayout, unit: Int) -> [UInt8] {
        let count = bytes.byteCount / layout.width
        precondition(
            count > 0 && count <= BlockEncoder.mostElements && count * layout.width == bytes.byteCount,
            "A block can not hold \(bytes.byteCount) bytes.")
        var best: [UInt8] = []
        unsafe bytes.withUnsafeBytes { buffer in
            guard let base = unsafe buffer.assumingMemoryBound(to: UInt8.self).baseAddress else { return }
            unsafe best = smallest(base, count, layout, unit: unit)
            if best.count > bytes.byteCount {
                best = [BlockMethod.stored.rawValue]
                unsafe best.append(contentsOf: buffer)
            }
        }
        return best
    }

    /// The body of a block that holds `bytes`, coded by `codec`; stored when that does not make it smaller.
    ///
    /// - Throws: `CodingError` `.unsupported` when the codec's library is not there, `.failed` when it fails.
    package func encode(
        _ bytes: RawSpan, layout: NumberLayout, unit: Int, codec: BlockCodec
    ) throws(CodingError) -> [UInt8] {
        guard let method = codec.method else { return encode(bytes, layout: layout, unit: unit) }
        let library = try BlockCodec.library(method)
        let coded = unsafe try bytes.withUnsafeBytes { (buffer) throws(CodingError) in
            unsafe try library?.encoded(buffer)
        }
        guard let coded, coded.count < bytes.byteCount else {
            return unsafe bytes.withUnsafeBytes { unsafe [BlockMethod.stored.rawValue] + $0 }
        }
        return [method.rawValue] + coded
    }

    /// Tries what the elements suggest and keeps the smallest.
    private func smallest(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ layout: NumberLayout, unit: Int
    ) -> [UInt8] {
        let width = layout.width
        if unsafe isConstant(base, count, width) {
            return unsafe [BlockMethod.constant.rawValue] + UnsafeBufferPointer(start: base, count: width)
        }
        if layout.isText {
            let repeats = unsafe repeats(base, count), plain = unsafe inPlanes(base, count, layout, unit: 0)
            return repeats.count < plain.count ? repeats : plain
        }
        let zeros = unsafe pith_zero_elements(base, count, UInt32(width))
        var candidates: [[UInt8]] = []
        let plan = unsafe width == 1 && count >= Self.fewestLevels ? levels.plan(base, count, unit: unit) : nil
        if let plan, plan.isTrellis { return levels.encoded(plan) }
        if zeros * 4 < count || width == 1 { unsafe candidates.append(inPlanes(base, count, layout, unit: unit)) }
        // Planes are coded and decoded several times as fast.
        if let plan, let planes = candidates.last, plan.estimatedBytes < planes.count - planes.count / 200 {
            let coded = levels.encoded(plan)
            if coded.count < planes.count - planes.count / 256 { candidates.append(coded) }
        }
        if zeros * 64 > count, zeros < count { unsafe candidates.append(sparse(base, count, layout)) }
        if let palette = unsafe ValuePalette(base, count, width) {
            candidates.append(inPalette(palette))
            if count * width <= 1 << 18 { unsafe candidates.append(repeats(base, count * width)) }
        } else if count * width <= 1 << 12 {
            unsafe candidates.append(repeats(base, count * width))
        }
        return candidates.min { $0.count < $1.count } ?? []
    }

    private func isConstant(_ base: UnsafePointer<UInt8>, _ count: Int, _ width: Int) -> Bool {
        let elements = unsafe UnsafeRawBufferPointer(start: base, count: count * width)
        return unsafe elements.prefix(width).elementsEqual(elements.suffix(width))
            && pith_repeats_element(base, count, UInt32(width)) != 0
    }

    private func inPlanes(
        _ base: UnsafePointer<UInt8>, _ count: Int, _ layout: NumberLayout, unit: Int
    ) -> [UInt8] {
        split.resize(to: count * layout.width)
        guard let target = unsafe split.pointer.assumingMemoryBound(to: UInt8.self).baseAddress else { return [] }
        unsafe pith_split_planes(base, count, UInt32(layout.width), layout.isRotated ? 1 : 0, target, count)
        let found =
            unsafe unit > 0
            ? classifier.classes(
                of: target, count, unit: unit, isFolded: !layout.isRotated,
                apart: shortUnits(target, count, layout, unit: unit))
            : nil
        var out: [UInt8] = []
        out.reserveCapacity(count * layout.width + 1024)
        out.append(BlockMethod.planes.rawValue)
        write(found?.classes, into: &out)
        for plane in 0..<layout.width {
            let start = unsafe target + plane * count
            if plane > 0, let found, found.hasUnitsApart, let classes = found.classes {
                unsafe planes.encode(start, count, apart: classes, into: &out)
            } else {
                unsafe planes.encode(start, count, found: plane == 0 ? found : nil, into: &out)
            }
        }
        return out
    }

    /// The units without a digit in their last plane, such as rows of half floats among others, unless all are so.
    private func shortUnits(
        _ planes: UnsafePointer<UInt8>, _ count: Int, _ layout: NumberLayout, unit: Int
    ) -> [Int] {
        guard layout.width > 1 else { return [] }
        // A rotated element has its sign in the lowest bit.
        let mask: UInt8 = layout.isRotated ? 0xfe : 0xff, units = 0..<(count + unit - 1) / unit
        let last = unsafe planes + (layout.width - 1) * count
        let short = units.filter { index in
            let start = unsafe last + index * unit
            return unsafe start.pointee & mask == 0 && pith_has_bits(start, min(unit, count - index * unit), mask) == 0
        }
        // A class of its own costs bits in the map and some tables; a byte of each element is what it saves at least.
        let cost = units.count * UnitClasses.bitsPerUnit(UnitClasses.limit) + 800
        return short.count < units.count && short.count * unit * 8 > cost ? short : []
    }

    private func write(_ classes: UnitClasses?, into out: inout [UInt8]) {
        guard let classes else { return out.append(1) }
        var head = ByteWriter(), map = BitWriter()
        head.byte(UInt8(classes.count))
        head.varint(classes.unit)
        for number in classes.classOfUnit { map.bits(Int(number), UnitClasses.bitsPerUnit(classes.count)) }
        out += head.bytes + map.bytes
    }

    private func sparse(_ base: UnsafePointer<UInt8>, _ count: Int, _ layout: NumberLayout) -> [UInt8] {
        let width = layout.width
        mask.resize(to: (count + 7) / 8)
        kept.resize(to: count * width)
        guard let bits = unsafe mask.pointer.assumingMemoryBound(to: UInt8.self).baseAddress,
            let values = unsafe kept.pointer.assumingMemoryBound(to: UInt8.self).baseAddress
        else { return [] }
        let found = unsafe pith_take_nonzero(base, count, UInt32(width), bits, values)
        var head = ByteWriter(), out: [UInt8] = [BlockMethod.sparse.rawValue]
        head.varint(found)
        out += head.bytes
        unsafe planes.encode(bits, (count + 7) / 8, into: &out)
        if unsafe isConstant(values, found, width) {
            unsafe out += [BlockMethod.constant.rawValue] + UnsafeBufferPointer(start: values, count: width)
        } else {
            unsafe out += inPlanes(values, found, layout, unit: 0)
        }
        return out
    }

    private func inPalette(_ palette: ValuePalette) -> [UInt8] {
        var out = [BlockMethod.palette.rawValue, UInt8(palette.count - 1)] + palette.values
        unsafe palette.indices.withUnsafeBufferPointer { indices in
            guard let base = indices.baseAddress else { return }
            var plain: [UInt8] = []
            unsafe planes.encode(base, indices.count, into: &plain)
            let repeated = [PlaneMode.repeats.rawValue] + RepeatPlanes.encoded(palette.indices, by: planes)
            out += repeated.count < plain.count ? repeated : plain
        }
        return out
    }

    private func repeats(_ base: UnsafePointer<UInt8>, _ count: Int) -> [UInt8] {
        let bytes = unsafe Array(UnsafeBufferPointer(start: base, count: count))
        return [BlockMethod.repeats.rawValue, PlaneMode.repeats.rawValue] + RepeatPlanes.encoded(bytes, by: planes)
    }
}
