internal import CPithKernels
internal import PithTensor

/// Sorts units of a plane by their mean symbol, and merges neighbours for as long as that makes the block smaller.
///
/// The mean exponent of a row is its scale, the only context that is worth its cost on dense weights.
final class UnitClassifier {
    /// What was found, with what it counted on the way: counting is dear.
    struct Finding {
        /// The classes that pay for their tables; nil when one table is as good.
        let classes: UnitClasses?
        /// About how often each symbol is in each class; in the whole plane where there are no classes.
        ///
        /// Never 0 for one that is there.
        let counts: [[UInt32]]
        /// Whether a class has units that were to stand apart.
        var hasUnitsApart = false
    }

    private let gathered = ByteBuffer()

    /// Fewest units, and fewest elements of a plane, that classes are tried for.
    private static let fewestUnits = 8, fewestElements = 8192
    /// Most groups that merging starts from; each costs the decoder a table.
    private static let mostGroups = 8
    /// Fewest symbols of which half are counted.
    private static let fewestHalved = 1 << 14

    /// The classes of a plane; nil when it is too small to look for any.
    ///
    /// `isFolded` says that symbols are levels around 0 or 128, whose distance from there tells their scale. The units that are
    /// to stand `apart` get a class of their own, the last one.
    func classes(
        of plane: UnsafePointer<UInt8>, _ elementCount: Int, unit: Int, isFolded: Bool, apart: [Int] = []
    ) -> Finding? {
        let unitCount = (elementCount + unit - 1) / unit
        guard unit >= 16, unitCount >= Self.fewestUnits, elementCount >= Self.fewestElements else { return nil }
        let order = unsafe Self.sorted(plane, elementCount, unit: unit, unitCount, isFolded: isFolded)
        var groups = Self.grouped(order, unit: unit)
        gathered.resize(to: elementCount)
        var histograms = groups.map {
            unsafe histogram(plane, elementCount, unit: unit, of: $0, isExact: !apart.isEmpty)
        }
        let total = Self.merged(histograms), single = Self.cost([total], unitCount)
        var best: (cost: Int, groups: [[Int]], counts: [[UInt32]])?
        while groups.count > 1 {
            let cost = Self.cost(histograms, unitCount)
            if cost < best?.cost ?? single - single / 512 { best = (cost, groups, histograms) }
            let pairs = stride(from: 0, to: groups.count, by: 2).map { $0..<min($0 + 2, groups.count) }
            histograms = pairs.map { Self.merged(Array(histograms[$0])) }
            groups = pairs.map { groups[$0].flatMap(\.self) }
        }
        if !apart.isEmpty {
            let rest = best.map { ($0.groups, $0.counts) } ?? ([order], [total])
            let split = separated(rest.0, rest.1, apart) {
                unsafe histogram(plane, elementCount, unit: unit, of: $0, isExact: true)
            }
            best = (0, split.groups, split.counts)
        }
        guard let best else { return Finding(classes: nil, counts: [total]) }
        var classOfUnit = [UInt8](repeating: 0, count: unitCount)
        for (number, group) in best.groups.enumerated() { for unit in group { classOfUnit[unit] = UInt8(number) } }
        let classes = UnitClasses(
            unit: unit, classOfUnit: classOfUnit, classCount: best.groups.count, elementCount: elementCount)
        return Finding(
            classes: classes, counts: classes == nil ? [total] : best.counts, hasUnitsApart: !apart.isEmpty)
    }

    /// Takes units out of groups into a last one.
    private func separated(
        _ groups: [[Int]], _ counts: [[UInt32]], _ apart: [Int], counting: ([Int]) -> [UInt32]
    ) -> (groups: [[Int]], counts: [[UInt32]]) {
        let chosen = Set(apart)
        var left: [[Int]] = [], leftCounts: [[UInt32]] = [], taken = [UInt32](repeating: 0, count: 256)
        for (group, histogram) in zip(groups, counts) {
            let moved = counting(group.filter(chosen.contains)), rest = group.filter { !chosen.contains($0) }
            taken = zip(taken, moved).map { $0 + $1 }
            guard !rest.isEmpty else { continue }
            left.append(rest)
            leftCounts.append(zip(histogram, moved).map { $0 - $1 })
        }
        return (left + [apart], leftCounts + [taken])
    }

    /// Units by their mean symbol, then by their place.
    private static func sorted(
        _ plane: UnsafePointer<UInt8>, _ elementCount: Int, unit: Int, _ unitCount: Int, isFolded: Bool
    ) -> [Int] {
        let sum = unsafe isFolded ? pith_sum_folded_u8 : pith_sum_u8
        // Means in 2^-16, below 2^24, and units below 2^20 are sorted as one number.
        let means = (0..<unitCount).map { index in
            let count = min(unit, elementCount - index * unit)
            let mean = unsafe Int(sum(plane + index * unit, count)) << 16 / count
            return mean << 20 | index
        }
        return means.sorted().map { $0 & (1 << 20 - 1) }
    }

    /// Equal parts of the order.
    private static func grouped(_ order: [Int], unit: Int) -> [[Int]] {
        let count = min(mostGroups, order.count / 2)
        return (0..<count).map { part in Array(order[part * order.count / count..<(part + 1) * order.count / count]) }
    }

    /// Counts the symbols of some units, brought together first: starting to count is dear.
    ///
    /// Half of many symbols tell as much as all of them; all are counted where numbers are to be taken from others.
    private func histogram(
        _ plane: UnsafePointer<UInt8>, _ elementCount: Int, unit: Int, of units: [Int], isExact: Bool
    ) -> [UInt32] {
        guard let target = unsafe gathered.pointer.baseAddress else { return [] }
        var counts = [UInt32](repeating: 0, count: 256), filled = 0
        for index in units {
            let count = min(unit, elementCount - index * unit)
            unsafe (target + filled).copyMemory(from: plane + index * unit, byteCount: count)
            filled += count
        }
        let count = unsafe isExact || filled < Self.fewestHalved ? pith_histogram_u8 : pith_histogram_half_u8
        unsafe count(target.assumingMemoryBound(to: UInt8.self), filled, &counts)
        return counts
    }

    private static func merged(_ histograms: [[UInt32]]) -> [UInt32] {
        histograms.dropFirst().reduce(histograms[0]) { sum, next in zip(sum, next).map { $0 + $1 } }
    }

    /// Bits of coding with a table for each histogram, the tables and the map of the units.
    private static func cost(_ histograms: [[UInt32]], _ unitCount: Int) -> Int {
        let map = histograms.count > 1 ? unitCount * UnitClasses.bitsPerUnit(histograms.count) + 24 : 0
        return histograms.reduce(map) { sum, counts in
            unsafe sum + Int(pith_entropy_cost(counts) >> 8) + FrequencyTable.storedBits(of: counts)
        }
    }
}
