internal import CPithKernels

/// Classes of the rows and the columns of a block of levels, whose sums choose frequency tables.
///
/// A class is the logarithm of the mean distance of its levels from zero, in quarters of an octave: the scale of a weight is
/// about that of its row times that of its column, so the sum of their classes tells it.
struct LevelClasses: Equatable {
    /// The class of each row and of each column; two of them add up to less than `sums`.
    let rows: [UInt8], columns: [UInt8]
    /// Number of sums of classes: 1 through 31, but for ``pairs``, which only serve to count.
    let sums: Int
    /// The table of each sum, in rising order without gaps, filled up to 32.
    private(set) var tables: [UInt8]

    /// Most sums of two classes.
    static let mostSums = Int(PITH_LEVELS_SUMS) - 1
    /// Number of classes of a row or a column.
    private static let mostClasses = 16
    /// Steps of a class, in 256ths of an octave.
    private static let step = 64

    /// Number of tables for each set.
    var tableCount: Int { Int(tables.max() ?? 0) + 1 }

    /// Puts every sum into one table.
    init(rows: [UInt8], columns: [UInt8], sums: Int) {
        self.rows = rows
        self.columns = columns
        self.sums = sums
        tables = [UInt8](repeating: 0, count: Int(PITH_LEVELS_SUMS))
    }

    /// One class for everything.
    init(rows: Int, columns: Int) {
        self.init(
            rows: [UInt8](repeating: 0, count: rows), columns: [UInt8](repeating: 0, count: columns), sums: 1)
    }

    /// Classes of rows and columns by the sums of their distances, each over so many levels.
    init(rows: [UInt32], of rowLength: Int, columns: [UInt32], of columnLength: Int) {
        let rowClasses = LevelClasses.classes(rows, of: rowLength)
        let columnClasses = LevelClasses.classes(columns, of: columnLength)
        self.init(
            rows: rowClasses, columns: columnClasses,
            sums: Int(rowClasses.max() ?? 0) + Int(columnClasses.max() ?? 0) + 1)
    }

    /// Gives a sum a table of its own, or that of the sum before it.
    mutating func setTables(startingAt isNew: [Bool]) {
        var table: UInt8 = 0
        for sum in 1..<max(sums, 1) {
            table += isNew[sum - 1] ? 1 : 0
            tables[sum] = table
        }
        for sum in sums..<tables.count { tables[sum] = table }
    }

    private static func classes(_ distances: [UInt32], of length: Int) -> [UInt8] {
        let logarithms = distances.map { BinaryLogarithm.of256ths(UInt64($0) << 16 / UInt64(max(length, 1)) + 256) }
        let middle = logarithms.sorted()[logarithms.count / 2]
        let classes = logarithms.map { value in
            // Rounded to the nearest step, whatever the sign.
            let place = (value - middle + step / 2 + step * mostClasses) / step - mostClasses + mostClasses / 2
            return min(max(place, 0), mostClasses - 1)
        }
        let least = classes.min() ?? 0
        return classes.map { UInt8($0 - least) }
    }
}

extension LevelClasses {
    /// Pairs of a row's and a column's class in place of their sums.
    var pairs: LevelClasses {
        let most = LevelClasses.mostClasses
        return LevelClasses(
            rows: rows.map { $0 * UInt8(most) }, columns: columns,
            sums: Int(rows.max() ?? 0) * most + Int(columns.max() ?? 0) + 1)
    }

    /// The same with one class for all rows, or for all columns.
    func only(rows hasRows: Bool, columns hasColumns: Bool) -> LevelClasses {
        LevelClasses(
            rows: hasRows ? rows : [UInt8](repeating: 0, count: rows.count),
            columns: hasColumns ? columns : [UInt8](repeating: 0, count: columns.count),
            sums: Int(hasRows ? rows.max() ?? 0 : 0) + Int(hasColumns ? columns.max() ?? 0 : 0) + 1)
    }

    /// Counters of symbols for each set of each sum, from those for each set of each of the `pairs` of `classes`, of which these
    /// classes keep all rows or none, and all columns or none.
    func sum(_ counts: [UInt32], of classes: LevelClasses, sets: Int) -> [UInt32] {
        let size = sets * 256, most = LevelClasses.mostClasses
        var sum = [UInt32](repeating: 0, count: sums * size)
        let hasRows = rows == classes.rows, hasColumns = columns == classes.columns
        for pair in 0..<counts.count / size {
            let place = (hasRows ? pair / most : 0) + (hasColumns ? pair % most : 0)
            // Pairs past the last column class of a row are empty, and may have no sum.
            guard place < sums else { continue }
            for index in 0..<size { sum[place * size + index] &+= counts[pair * size + index] }
        }
        return sum
    }

    /// Merges neighbouring sums into one table for as long as that saves bits, and answers the bits of symbols, tables and maps.
    ///
    /// `counts` has 256 counters for each set of each sum.
    mutating func merge(_ counts: [UInt32], sets: Int) -> Int {
        var groups = (0..<sums).map { SumGroup(counts, sums: $0..<$0 + 1, sets: sets) }
        var pairs = zip(groups, groups.dropFirst()).map { SumGroup($0, $1) }
        while let best = pairs.indices.max(by: { saving($0) < saving($1) }), saving(best) >= 0 {
            groups[best] = pairs[best]
            groups.remove(at: best + 1)
            pairs.remove(at: best)
            if best < pairs.count { pairs[best] = SumGroup(groups[best], groups[best + 1]) }
            if best > 0 { pairs[best - 1] = SumGroup(groups[best - 1], groups[best]) }
        }
        func saving(_ index: Int) -> Int { groups[index].bits + groups[index + 1].bits - pairs[index].bits }
        let starts = Set(groups.map(\.sums.lowerBound))
        setTables(startingAt: (1..<max(sums, 1)).map { starts.contains($0) })
        return groups.reduce(mapBits) { $0 + $1.bits }
    }

    /// About the bits of the two maps.
    private var mapBits: Int {
        [rows, columns].reduce(sums) { bits, map in
            var counts = [UInt32](repeating: 0, count: 256)
            for value in map { counts[Int(value)] += 1 }
            let used = counts.count { $0 > 0 }
            return bits + (used > 1 ? unsafe Int(pith_entropy_cost(counts) >> 8) + 200 + 10 * used : 16)
        }
    }
}

/// Neighbouring sums of classes that share tables, with their symbols by the distance from zero.
private struct SumGroup {
    let sums: Range<Int>
    private let histograms: [[UInt32]]
    /// Bits of symbols, signs and tables.
    let bits: Int

    init(_ counts: [UInt32], sums: Range<Int>, sets: Int) {
        let histograms = (0..<sets).map { set in
            var folded = [UInt32](repeating: 0, count: 256)
            let place = (sums.lowerBound * sets + set) * 256
            unsafe counts.withUnsafeBufferPointer { counts in
                guard let base = counts.baseAddress else { return }
                unsafe pith_levels_fold(base + place, &folded)
            }
            return folded
        }
        self.init(sums, histograms)
    }

    /// Two groups as one.
    init(_ left: SumGroup, _ right: SumGroup) {
        let histograms = zip(left.histograms, right.histograms).map { left, right in
            var sum = left
            for distance in 0..<128 { sum[distance] += right[distance] }
            return sum
        }
        self.init(left.sums.lowerBound..<right.sums.upperBound, histograms)
    }

    private init(_ sums: Range<Int>, _ histograms: [[UInt32]]) {
        self.sums = sums
        self.histograms = histograms
        bits = histograms.reduce(0) { sum, counts in
            unsafe sum + Int(pith_entropy_cost(counts) >> 8) + FrequencyTable.storedBits(of: counts)
        }
    }
}
