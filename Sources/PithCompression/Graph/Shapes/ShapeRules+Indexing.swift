import PithModel
import PithTensor

extension ShapeRules {
    /// Operators that pick or place elements by index.
    static let indexing: [String: ShapeRule] = [
        "Gather": gather,
        "GatherElements": { [ValueFact(element: $0.element(), dimensions: $0.dimensions(1))] },
        "GatherND": { node in
            guard let own = node.dimensions(), let indices = node.dimensions(1), let last = indices.last?.constant
            else {
                return [ValueFact(element: node.element())]
            }
            let batch = node.node.integer("batch_dims", default: 0), ranks = 0...own.count
            guard ranks.contains(batch), ranks.contains(last), ranks.contains(batch + last), !indices.isEmpty else {
                return [ValueFact(element: node.element())]
            }
            return [ValueFact(element: node.element(), dimensions: indices.dropLast() + own[(batch + last)...])]
        },
        "OneHot": { node in
            guard let indices = node.dimensions(), let depth = node.content(1)?.first else {
                return [ValueFact(element: node.element(2))]
            }
            let stated = node.node.integer("axis", default: -1), axis = stated < 0 ? stated + indices.count + 1 : stated
            guard (0...indices.count).contains(axis) else { return [ValueFact(element: node.element(2))] }
            var dimensions = indices
            dimensions.insert(depth ?? node.fresh(axis), at: axis)
            return [ValueFact(element: node.element(2), dimensions: dimensions)]
        },
        "TopK": { node in
            guard let own = node.dimensions(), let axis = node.axis(default: -1, rank: own.count) else {
                return [ValueFact(element: node.element()), ValueFact(element: .int64)]
            }
            var dimensions = own
            let stated =
                node.opset < 10 ? Extent(node.node.integer("k", default: 1)) : node.content(1)?.first.flatMap { $0 }
            dimensions[axis] = stated ?? node.fresh(axis)
            return [
                ValueFact(element: node.element(), dimensions: dimensions),
                ValueFact(element: .int64, dimensions: dimensions),
            ]
        },
        "NonZero": { node in
            let rank = node.dimensions().map { Extent($0.count) } ?? node.fresh(0)
            return [ValueFact(element: .int64, dimensions: [rank, node.fresh(1)])]
        },
        "EyeLike": { node in
            let stated = ScalarType(onnxCode: node.node.integer("dtype", default: 0))
            return [ValueFact(element: stated ?? node.element(), dimensions: node.dimensions())]
        },
    ]

    private static let gather: ShapeRule = { node in
        guard let own = node.dimensions(), let indices = node.dimensions(1),
            let axis = node.axis(default: 0, rank: own.count)
        else { return [ValueFact(element: node.element())] }
        let dimensions = own[..<axis] + indices + own[(axis + 1)...]
        var content: [Extent?]?
        if own.count == 1, let elements = node.content(0), let places = node.integers(1) {
            content = places.map { place in
                InferenceNode.resolve(place, rank: elements.count).flatMap { elements[$0] }
            }
        }
        return [ValueFact(element: node.element(), dimensions: Array(dimensions), content: content)]
    }
}
