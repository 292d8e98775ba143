/// Runs of a block's elements, sorted into classes that have tables of their own.
struct ElementClasses: Sendable {
    private let unit: Int
    private let elementCount: Int
    private let classOfUnit: [UInt8]
    /// The number of elements of each class.
    let sizes: [Int]

    /// Reads the classes of a block; nil where all elements are alike.
    static func read(_ input: inout ByteReader, elementCount: Int) throws(ReaderError) -> ElementClasses? {
        let count = Int(try input.byte())
        try input.require((1...16).contains(count), "There are \(count) classes.")
        return count == 1 ? nil : try ElementClasses(&input, count: count, elementCount: elementCount)
    }

    private init(_ input: inout ByteReader, count: Int, elementCount: Int) throws(ReaderError) {
        let unit = try input.number()
        try input.require(unit >= 1 && unit <= elementCount, "A run has \(unit) of \(elementCount) elements.")
        let bitCount = Int.bitWidth - (count - 1).leadingZeroBitCount
        var classes = [UInt8](repeating: 0, count: (elementCount + unit - 1) / unit)
        var sizes = [Int](repeating: 0, count: count)
        for index in classes.indices {
            let number = try input.bits(bitCount)
            try input.require(number < count, "A run is of class \(number) of \(count).")
            classes[index] = UInt8(number)
            sizes[number] += min(unit, elementCount - index * unit)
        }
        try input.align()
        try input.require(!sizes.contains(0), "A class has no elements.")
        (self.unit, self.elementCount, self.sizes, classOfUnit) = (unit, elementCount, sizes, classes)
    }

    /// Bytes in class order, brought to the places of their elements.
    func scattered(_ ordered: [UInt8]) -> [UInt8] {
        var next: [Int] = [], start = 0
        for size in sizes {
            next.append(start)
            start += size
        }
        var output = [UInt8](repeating: 0, count: elementCount)
        for (index, number) in classOfUnit.enumerated() {
            let place = index * unit, length = min(unit, elementCount - place), from = next[Int(number)]
            for offset in 0..<length { output[place + offset] = ordered[from + offset] }
            next[Int(number)] = from + length
        }
        return output
    }
}
