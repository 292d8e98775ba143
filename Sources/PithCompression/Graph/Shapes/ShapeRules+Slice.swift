import PithModel
import PithTensor

/// The settings of a `Slice`, from its inputs or (opset below 10) its attributes.
struct SliceSettings {
    var starts: [Extent?]
    var ends: [Extent?]
    var axes: [Int]
    var steps: [Int]

    /// Reads the settings as far as they are known; nil when not even the axes are.
    init?(_ node: InferenceNode, rank: Int) {
        let stated = node.opset < 10
        let starts = stated ? node.node.integers("starts")?.map { Extent($0) } : node.content(1)
        let ends = stated ? node.node.integers("ends")?.map { Extent($0) } : node.content(2)
        guard let starts, let ends, starts.count == ends.count else { return nil }
        var axes = Array(starts.indices), steps = [Int](repeating: 1, count: starts.count)
        if stated {
            axes = node.node.integers("axes") ?? axes
        } else {
            if node.has(3) {
                guard let known = node.integers(3) else { return nil }
                axes = known
            }
            if node.has(4) {
                guard let known = node.integers(4) else { return nil }
                steps = known
            }
        }
        let resolved = axes.compactMap { InferenceNode.resolve($0, rank: rank) }
        guard resolved.count == starts.count, steps.count == starts.count, Set(resolved).count == resolved.count,
            !steps.contains(0)
        else { return nil }
        self.starts = starts
        self.ends = ends
        self.axes = resolved
        self.steps = steps
    }

    /// The first index and the number of elements taken along an axis of a known length.
    static func span(start: Int, end: Int, step: Int, length: Int) -> (first: Int, count: Int) {
        func bounded(_ index: Int, _ range: ClosedRange<Int>) -> Int {
            let (shifted, overflow) = index.addingReportingOverflow(index < 0 ? length : 0)
            return overflow ? range.lowerBound : min(max(shifted, range.lowerBound), range.upperBound)
        }
        guard length > 0, step != Int.min else { return (0, 0) }
        if step > 0 {
            let first = bounded(start, 0...length), last = bounded(end, 0...length)
            return (first, last > first ? (last - first - 1) / step + 1 : 0)
        }
        let first = bounded(start, 0...(length - 1)), last = bounded(end, -1...(length - 1))
        return (first, first > last ? (first - last - 1) / -step + 1 : 0)
    }

    /// Elements taken along the axis at `position` of this list, whose length is `length`; nil when it can not be told.
    func count(at position: Int, of length: Extent) -> Extent? {
        guard let start = starts[position], let end = ends[position] else { return nil }
        let step = steps[position]
        if let length = length.constant, let start = start.constant, let end = end.constant {
            return Extent(SliceSettings.span(start: start, end: end, step: step, length: length).count)
        }
        guard step == 1 else { return nil }
        let toEnd = (end.constant ?? 0) >= Int(Int32.max) || end == length
        if let first = start.constant, first >= 0 {
            if toEnd { return length.isAtLeast(first) ? length.adding(Extent(first), times: -1) : nil }
            if let last = end.constant, last >= 0 { return length.isAtLeast(last) ? Extent(max(last - first, 0)) : nil }
            if let last = end.constant, last < 0, last > Int(Int32.min), first < Int(Int32.max) {
                return length.isAtLeast(first - last) ? length.adding(Extent(last - first)) : nil
            }
            if first == 0, end.isNonNegative {
                if end.isLess(than: length) == true { return end }
                return length.constant.flatMap { end.least($0) }
            }
        }
        if let first = start.constant, first < 0, first > Int(Int32.min), toEnd {
            return length.isAtLeast(-first) ? Extent(-first) : nil
        }
        return nil
    }
}

extension ShapeRules {
    static let slice: ShapeRule = { node in
        guard let own = node.dimensions() else { return [ValueFact(element: node.element())] }
        guard let settings = SliceSettings(node, rank: own.count) else {
            return [ValueFact(element: node.element(), dimensions: node.fresh(rank: own.count))]
        }
        var dimensions = own
        for (position, axis) in settings.axes.enumerated() {
            dimensions[axis] = settings.count(at: position, of: own[axis]) ?? node.fresh(axis)
        }
        var content: [Extent?]?
        if let elements = node.content(0), own.count == 1, settings.axes == [0],
            let start = settings.starts[0]?.constant,
            let end = settings.ends[0]?.constant
        {
            let (first, count) = SliceSettings.span(
                start: start, end: end, step: settings.steps[0], length: elements.count)
            content = (0..<count).map { elements[first + $0 * settings.steps[0]] }
        }
        return [ValueFact(element: node.element(), dimensions: dimensions, content: content)]
    }
}
