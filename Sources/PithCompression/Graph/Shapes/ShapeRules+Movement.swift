import PithModel
import PithTensor

extension ShapeRules {
    /// Operators that move or repeat elements and compute nothing.
    static let movement: [String: ShapeRule] = [
        "Reshape": reshape,
        "Flatten": flatten,
        "Squeeze": squeeze,
        "Unsqueeze": unsqueeze,
        "Transpose": transpose,
        "Concat": concat,
        "Slice": slice,
        "Split": split,
        "Pad": pad,
        "Expand": { node in
            guard let own = node.dimensions(), let target = target(node, input: 1) else {
                return [ValueFact(element: node.element())]
            }
            let result = ValueFact(element: node.element(), dimensions: node.broadcast(own, target))
            guard let lengths = result.fixedLengths else { return [result] }
            return [
                ValueFact(
                    element: result.element, dimensions: result.dimensions, content: stretched(node, 0, to: lengths))
            ]
        },
        "Tile": { node in
            guard let own = node.dimensions() else { return [ValueFact(element: node.element())] }
            let repeats = node.content(1) ?? []
            let lengths = own.enumerated().map { axis, length in
                (axis < repeats.count ? repeats[axis] : nil).flatMap { length.multiplied(by: $0) } ?? node.fresh(axis)
            }
            return [ValueFact(element: node.element(), dimensions: lengths)]
        },
        "DepthToSpace": { node in blocks(node, toSpace: true) },
        "SpaceToDepth": { node in blocks(node, toSpace: false) },
    ]

    private static let reshape: ShapeRule = { node in
        guard var target = shapeList(node) else {
            let rank = node.fact(1)?.fixedLengths?.first
            let small = rank.flatMap { $0 <= ValueFact.contentLimit ? $0 : nil }
            return [ValueFact(element: node.element(), dimensions: small.map { node.fresh(rank: $0) })]
        }
        let own = node.dimensions(), copiesZero = node.node.integer("allowzero", default: 0) == 0
        if copiesZero {
            for axis in target.indices where target[axis]?.constant == 0 {
                target[axis] = own.flatMap { axis < $0.count ? $0[axis] : nil } ?? node.fresh(axis)
            }
        }
        target = target.map { $0.flatMap { $0.isNonNegative ? $0 : nil } }
        let open = target.indices.filter { target[$0] == nil }
        if open.count == 1, let own, let total = Extent.product(own) {
            let rest = Extent.product(target.compactMap { $0 })
            target[open[0]] = rest.flatMap { total.divided(by: $0) ?? floor(total, by: $0) }
        }
        let dimensions = target.enumerated().map { $1 ?? node.fresh($0) }
        let content = node.content(0)
        return [ValueFact(element: node.element(), dimensions: dimensions, content: content)]
    }

    private static func floor(_ total: Extent, by rest: Extent) -> Extent? {
        rest.constant.flatMap { total.floorDivided(by: $0) }
    }

    /// The requested lengths of a `Reshape`, from its input or (opset below 5) its attribute.
    private static func shapeList(_ node: InferenceNode) -> [Extent?]? {
        node.content(1) ?? node.node.integers("shape")?.map { Extent($0) }
    }

    private static let flatten: ShapeRule = { node in
        let element = node.element()
        guard let own = node.dimensions() else { return [ValueFact(element: element, dimensions: node.fresh(rank: 2))] }
        let stated = node.node.integer("axis", default: 1), axis = stated < 0 ? stated + own.count : stated
        guard (0...own.count).contains(axis) else { return [ValueFact(element: element)] }
        let outer = Extent.product(own[..<axis]) ?? node.fresh(0), inner = Extent.product(own[axis...]) ?? node.fresh(1)
        return [ValueFact(element: element, dimensions: [outer, inner])]
    }

    private static let squeeze: ShapeRule = { node in
        let unknown = [ValueFact(element: node.element())]
        guard let own = node.dimensions() else { return unknown }
        var axes: [Int]
        switch node.list("axes", orInput: 1) {
        case .unknown: return unknown
        case .known(let stated):
            guard let resolved = InferenceNode.resolve(stated, rank: own.count) else { return unknown }
            axes = resolved
        case .absent:
            guard own.allSatisfy({ $0.constant == 1 || $0.equals(Extent(1)) == false }) else { return unknown }
            axes = own.indices.filter { own[$0].constant == 1 }
        }
        let dimensions = own.indices.filter { !axes.contains($0) }.map { own[$0] }
        return [ValueFact(element: node.element(), dimensions: dimensions, content: node.content(0))]
    }

    private static let unsqueeze: ShapeRule = { node in
        guard let own = node.dimensions(), case .known(let stated) = node.list("axes", orInput: 1),
            let axes = InferenceNode.resolve(stated, rank: own.count + stated.count), axes.count == stated.count
        else { return [ValueFact(element: node.element())] }
        var dimensions = own
        for axis in axes { dimensions.insert(Extent(1), at: axis) }
        return [ValueFact(element: node.element(), dimensions: dimensions, content: node.content(0))]
    }

    private static let transpose: ShapeRule = { node in
        guard let own = node.dimensions() else { return [ValueFact(element: node.element())] }
        let order = node.node.integers("perm") ?? own.indices.reversed()
        guard order.sorted() == Array(own.indices) else { return [ValueFact(element: node.element())] }
        let content = own.count <= 1 ? node.content(0) : nil
        return [ValueFact(element: node.element(), dimensions: order.map { own[$0] }, content: content)]
    }

    private static let concat: ShapeRule = { node in
        let shapes = node.inputs.indices.map { node.dimensions($0) }
        guard let first = shapes.first ?? nil, shapes.allSatisfy({ $0?.count == first.count }),
            let axis = node.axis(default: 1, rank: first.count)
        else { return [ValueFact(element: node.element())] }
        var dimensions = first
        for position in first.indices where position != axis {
            // Lengths beside the joined axis agree; the one that says most is kept.
            dimensions[position] = shapes.compactMap { $0?[position] }.first { $0.constant != nil } ?? first[position]
        }
        let lengths = shapes.compactMap { $0?[axis] }
        dimensions[axis] = lengths.reduce(Extent(0)) { sum, next in sum?.adding(next) } ?? node.fresh(axis)
        var content: [Extent?]? = first.count == 1 ? [] : nil
        for index in node.inputs.indices where content != nil {
            let unknown = node.fact(index)?.fixedLengths?.first.flatMap {
                $0 <= ValueFact.contentLimit ? [Extent?](repeating: nil, count: $0) : nil
            }
            content = (node.content(index) ?? unknown).map { (content ?? []) + $0 }
        }
        return [ValueFact(element: node.element(), dimensions: dimensions, content: content)]
    }

    private static let split: ShapeRule = { node in
        let element = node.element(), outputs = node.node.outputs.count
        guard let own = node.dimensions(), let axis = node.axis(default: 0, rank: own.count) else {
            return (0..<outputs).map { _ in ValueFact(element: element) }
        }
        var parts: [Int]?
        switch node.list("split", orInput: 1) {
        case .known(let stated): parts = stated.count == outputs ? stated : nil
        case .unknown: parts = nil
        case .absent:
            parts = own[axis].constant.flatMap { length -> [Int]? in
                guard (0..<1 << 40).contains(length) else { return nil }
                let part = (length + outputs - 1) / max(outputs, 1)
                guard part > 0, length % max(outputs, 1) == 0 || node.opset >= 18 else { return nil }
                return (0..<outputs).map { min(part, max(length - $0 * part, 0)) }
            }
        }
        return (0..<outputs).map { index in
            var dimensions = own
            dimensions[axis] = parts.map { Extent($0[index]) } ?? node.fresh(axis, output: index)
            return ValueFact(element: element, dimensions: dimensions)
        }
    }

    private static let pad: ShapeRule = { node in
        guard let own = node.dimensions() else { return [ValueFact(element: node.element())] }
        let pads = node.node.integers("pads") ?? node.node.integers("paddings") ?? node.integers(1)
        guard let pads, !node.has(3), pads.count == own.count * 2 else {
            return [ValueFact(element: node.element(), dimensions: node.fresh(rank: own.count))]
        }
        let dimensions = own.indices.map { axis in
            own[axis].adding(Extent(pads[axis])).flatMap { $0.adding(Extent(pads[axis + own.count])) }
                ?? node.fresh(axis)
        }
        return [ValueFact(element: node.element(), dimensions: dimensions)]
    }

    private static func blocks(_ node: InferenceNode, toSpace: Bool) -> [ValueFact] {
        let size = node.node.integer("blocksize", default: 1)
        guard let own = node.dimensions(), own.count == 4, size > 0, size < 1 << 16 else {
            return [ValueFact(element: node.element())]
        }
        func times(_ axis: Int) -> Extent { own[axis].multiplied(by: Extent(size)) ?? node.fresh(axis) }
        func parts(_ axis: Int) -> Extent { own[axis].floorDivided(by: size) ?? node.fresh(axis) }
        let channels = toSpace ? own[1].floorDivided(by: size * size) : own[1].multiplied(by: Extent(size * size))
        let height = toSpace ? times(2) : parts(2), width = toSpace ? times(3) : parts(3)
        return [ValueFact(element: node.element(), dimensions: [own[0], channels ?? node.fresh(1), height, width])]
    }
}
