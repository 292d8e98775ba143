/// Which scale belongs to which level of a weight.
struct Grouping: Sendable {
    /// The number of levels that are stored, padding included.
    let levelCount: Int
    /// The number of scales.
    let scaleCount: Int
    /// The number of places before the axis, along it, and behind it.
    private let outer: Int, length: Int, inner: Int
    /// Levels along the axis, padding included; scales along it; neighbours that share one.
    private let storedLength: Int, groupCount: Int, block: Int
    private let isForEachPlace: Bool

    /// Reads the settings of a form that has `count` numbers.
    init(_ form: StoredForm, count: Int, _ decoder: FormDecoder) throws(ReaderError) {
        let settings = form.settings, dimensions = form.dimensions, padded = settings["padded"] ?? 0
        try decoder.require(padded <= 1, "The setting 'padded' is \(padded).")
        guard let axis = settings["axis"] else {
            try decoder.require(settings["block"] == nil && padded == 0, "A block or padding needs an axis.")
            (levelCount, scaleCount, isForEachPlace) = (count, 1, false)
            (outer, length, inner, storedLength, groupCount, block) = (1, count, 1, count, 1, max(1, count))
            return
        }
        try decoder.require(dimensions.indices.contains(axis), "There is no axis \(axis) of \(dimensions).")
        let length = dimensions[axis], block = settings["block"] ?? 1
        try decoder.require(block >= 1, "A block has \(block) numbers.")
        try decoder.require(padded == 0 || settings["block"] != nil, "Padding needs a block.")
        let groupCount = length / block + (length % block == 0 ? 0 : 1)
        let (whole, isOver) = groupCount.multipliedReportingOverflow(by: block)
        var stored = dimensions, groups = dimensions
        stored[axis] = padded == 1 ? whole : length
        groups[axis] = groupCount
        let scaleCount = settings["block"] == nil ? groupCount : Extent.count(groups)
        guard let levelCount = Extent.count(stored), let scaleCount, padded == 0 || !isOver else {
            throw decoder.failure("Blocks of \(block) do not fit \(dimensions).")
        }
        (self.levelCount, self.scaleCount, isForEachPlace) = (levelCount, scaleCount, settings["block"] != nil)
        (self.length, self.block, self.groupCount, storedLength) = (length, block, groupCount, stored[axis])
        // Beside an axis of 0 the others may be too many to count, and there is nothing to count them for.
        outer = count == 0 ? 0 : dimensions[..<axis].reduce(1, *)
        inner = count == 0 ? 0 : dimensions[(axis + 1)...].reduce(1, *)
    }

    /// Calls `body` with the places of each number of the weight, in row-major order: of its level and of its scale.
    @inline(__always)
    func forEach<Failure: Error>(_ body: (_ level: Int, _ scale: Int) throws(Failure) -> Void) throws(Failure) {
        for row in 0..<outer {
            for index in 0..<length {
                let level = (row * storedLength + index) * inner, group = index / block
                let scale = isForEachPlace ? (row * groupCount + group) * inner : group
                for place in 0..<inner { try body(level + place, isForEachPlace ? scale + place : scale) }
            }
        }
    }
}
