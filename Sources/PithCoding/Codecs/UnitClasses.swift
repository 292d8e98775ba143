internal import CPithKernels

/// Runs of neighbouring elements (rows, mostly) sorted into classes that have frequency tables of their own.
///
/// The elements of a block are cut into units of `unit` elements, the last one perhaps shorter. In class order the units of
/// class 0 come first, then those of class 1, and so on, each class in its units' order.
struct UnitClasses: Equatable {
    /// Elements of a unit.
    let unit: Int
    /// The class of each unit.
    let classOfUnit: [UInt8]
    /// Elements in each class; no class is empty.
    let runs: [Int]
    /// Where each unit starts in class order.
    let starts: [Int]

    /// Most classes that a block may have.
    static let limit = 16

    /// Number of classes.
    var count: Int { runs.count }

    /// Bits that name a class.
    static func bitsPerUnit(_ classes: Int) -> Int { Int.bitWidth - (classes - 1).leadingZeroBitCount }

    /// Lays out the units of `elementCount` elements; nil when a class has no unit.
    init?(unit: Int, classOfUnit: [UInt8], classCount: Int, elementCount: Int) {
        self.unit = unit
        self.classOfUnit = classOfUnit
        var runs = [Int](repeating: 0, count: classCount)
        for (index, number) in classOfUnit.enumerated() {
            guard Int(number) < classCount else { return nil }
            runs[Int(number)] += min(unit, elementCount - index * unit)
        }
        guard runs.allSatisfy({ $0 > 0 }) else { return nil }
        var next = [Int](repeating: 0, count: classCount)
        for number in 1..<classCount { next[number] = next[number - 1] + runs[number - 1] }
        var starts = [Int](repeating: 0, count: classOfUnit.count)
        for (index, number) in classOfUnit.enumerated() {
            starts[index] = next[Int(number)]
            next[Int(number)] += min(unit, elementCount - index * unit)
        }
        self.runs = runs
        self.starts = starts
    }
}
