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
        func element(_ index: Int) -> UInt64 {
            (0..<width).reduce(0) { unsafe $0 | UInt64(base[index * width + $1]) << UInt64(8 * $1) }
        }
        var found: [UInt64: UInt8] = [:], last = element(0)
        found[last] = 0
        for index in 1..<elementCount {
            let next = element(index)
            guard next != last, found[next] == nil else { continue }
            guard found.count < 256 else { return nil }
            found[next] = 0
            last = next
        }
        let sorted = found.keys.sorted()
        for (place, value) in sorted.enumerated() { found[value] = UInt8(place) }
        values = sorted.flatMap { value in (0..<width).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) } }
        count = sorted.count
        indices = (0..<elementCount).map { found[element($0)] ?? 0 }
    }
}
