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

    /// The most that an axis may have which scales are numbered along.
    private static let axisLimit = Int64(1) << 48

    /// Reads the settings of a form; no memory is taken for what they announce.
    init(_ form: StoredForm, _ decoder: FormDecoder) throws(ReaderError) {
        let settings = form.settings, dimensions = form.dimensions
        guard let count = Extent.count(dimensions) else {
            throw decoder.failure("It has more numbers than can be counted.")
        }
        let padded = settings["padded"] ?? 0
        try decoder.require(padded <= 1, "The setting 'padded' is \(padded), neither 0 nor 1.")
        try decoder.require(
            settings["padded"] == nil || settings["block"] != nil, "The setting 'padded' stands without 'block'.")
        guard let axis = settings["axis"] else {
            try decoder.require(settings["block"] == nil, "The setting 'block' stands without 'axis'.")
            (levelCount, scaleCount, isForEachPlace) = (count, 1, false)
            (outer, length, inner, storedLength, groupCount, block) = (1, count, 1, count, 1, max(1, count))
            return
        }
        try decoder.require(dimensions.indices.contains(axis), "There is no axis \(axis) of \(dimensions).")
        let length = dimensions[axis], block = settings["block"] ?? 1
        try decoder.require(Int64(length) <= Self.axisLimit, "Axis \(axis) has a length of \(length), above 2^48.")
        try decoder.require(
            block >= 1 && block <= max(length, 1), "A block has \(block) numbers, on an axis of \(length).")
        let groupCount = length / block + (length % block == 0 ? 0 : 1)
        var stored = dimensions, groups = dimensions
        stored[axis] = padded == 1 ? groupCount * block : length
        groups[axis] = groupCount
        let scaleCount = settings["block"] == nil ? groupCount : Extent.count(groups)
        guard let levelCount = Extent.count(stored), let scaleCount else {
            throw decoder.failure("Blocks of \(block) do not fit \(dimensions).")
        }
        (self.levelCount, self.scaleCount, isForEachPlace) = (levelCount, scaleCount, settings["block"] != nil)
        (self.length, self.block, self.groupCount, storedLength) = (length, block, groupCount, stored[axis])
        // Beside an axis of 0 the others may be long, and there is nothing to walk through.
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
