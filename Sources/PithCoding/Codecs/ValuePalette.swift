/// The different elements of a block when they are at most 256, and for each element which one it is.
struct ValuePalette {
    /// Bit patterns in rising order, `width` bytes each, little-endian.
    let values: [UInt8]
    /// Number of different elements.
    let count: Int
    /// Place of each element among the values.
    let indices: [UInt8]

    /// Collects the elements; nil for elements of one byte, or when there are more than 256, which shows after few elements
    /// of a dense weight.
    init?(_ base: UnsafePointer<UInt8>, _ elementCount: Int, _ width: Int) {
        guard width > 1, elementCount > 1 else { return nil }
        let bytes = unsafe UnsafeRawBufferPointer(start: base, count: elementCount * width)
        func element(_ index: Int) -> UInt64 {
            switch width {
            case 2: unsafe UInt64(bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self).littleEndian)
            case 4: unsafe UInt64(bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self).littleEndian)
            default: unsafe bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self).littleEndian
            }
        }
        var found = ValueTable(), last = element(0)
        guard found.insert(last) else { return nil }
        for index in 1..<elementCount {
            let next = element(index)
            guard next != last else { continue }
            guard found.insert(next) else { return nil }
            last = next
        }
        let sorted = found.sort()
        values = sorted.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
        count = sorted.count
        indices = (0..<elementCount).map { found.place(of: element($0)) }
    }
}

/// At most 256 numbers with a place each, in a table where free slots are looked for one after the other.
private struct ValueTable {
    private static let bits = 10
    private var numbers = [UInt64](repeating: 0, count: 1 << ValueTable.bits)
    /// The place of each slot's number; negative for a free slot.
    private var places = [Int16](repeating: -1, count: 1 << ValueTable.bits)
    private var count = 0

    /// The slot of `number`, or the free one that it would get.
    private func slot(of number: UInt64) -> Int {
        // The golden ratio spreads neighbours (Knuth, The Art of Computer Programming 3, section 6.4).
        var slot = Int((number &* 0x9E37_79B9_7F4A_7C15) >> UInt64(64 - ValueTable.bits))
        while places[slot] >= 0, numbers[slot] != number { slot = (slot + 1) & (places.count - 1) }
        return slot
    }

    /// Takes `number` in; false when it is one too many.
    mutating func insert(_ number: UInt64) -> Bool {
        let slot = slot(of: number)
        guard places[slot] < 0 else { return true }
        guard count < 256 else { return false }
        (numbers[slot], places[slot]) = (number, 0)
        count += 1
        return true
    }

    /// Gives the numbers places in rising order, and answers them so.
    mutating func sort() -> [UInt64] {
        let sorted = places.indices.filter { places[$0] >= 0 }.map { numbers[$0] }.sorted()
        for (place, number) in sorted.enumerated() { places[slot(of: number)] = Int16(place) }
        return sorted
    }

    /// The place of a number that was taken in.
    func place(of number: UInt64) -> UInt8 { UInt8(places[slot(of: number)]) }
}
