/// Sizes of shapes that may come from anywhere.
enum Extent {
    /// The number of elements of a shape; nil if it cannot be counted.
    ///
    /// Lengths beside one of 0 have to be countable too.
    static func count(_ dimensions: [Int]) -> Int? {
        var count = 1
        for length in dimensions where length != 0 {
            let (product, isOver) = count.multipliedReportingOverflow(by: length)
            if isOver || length < 0 { return nil }
            count = product
        }
        return dimensions.contains(0) ? 0 : count
    }

    /// The bytes of a shape of elements, the last byte filled up; nil if they cannot be counted.
    static func byteCount(_ dimensions: [Int], of type: ElementType) -> Int? {
        guard let count = count(dimensions) else { return nil }
        let (bits, isOver) = count.multipliedReportingOverflow(by: type.bitCount)
        return isOver || bits > Int.max - 7 ? nil : (bits + 7) / 8
    }
}
