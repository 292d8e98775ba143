import PithModel
import PithTensor

extension ShapeRules {
    /// Operators that collapse axes.
    static let reductions: [String: ShapeRule] = {
        var rules: [String: ShapeRule] = [:]
        for name in ["L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare"] {
            rules["Reduce" + name] = { reduced($0) }
        }
        rules["ReduceProd"] = { node in
            let content = node.content(0)
            let whole = content.flatMap { values in
                values.contains(nil) ? nil : Extent.product(values.compactMap { $0 })
            }
            return reduced(node, whole: whole)
        }
        rules["ReduceSum"] = { node in
            let whole = node.content(0).flatMap {
                $0.reduce(Extent(0)) { sum, next in next.flatMap { sum?.adding($0) } }
            }
            return reduced(node, whole: whole)
        }
        for name in ["ArgMax", "ArgMin"] { rules[name] = indexOf }
        return rules
    }()

    /// The collapsed shape; `whole` is the result when all elements collapse into one.
    private static func reduced(_ node: InferenceNode, whole: Extent? = nil) -> [ValueFact] {
        let element = node.element()
        guard let own = node.dimensions() else { return [ValueFact(element: element)] }
        var axes = Array(own.indices)
        switch node.list("axes", orInput: 1) {
        case .unknown: return [ValueFact(element: element)]
        case .absent: if node.node.integer("noop_with_empty_axes", default: 0) != 0 { axes = [] }
        case .known(let stated):
            if stated.isEmpty {
                if node.node.integer("noop_with_empty_axes", default: 0) != 0 { axes = [] }
            } else {
                guard let resolved = InferenceNode.resolve(stated, rank: own.count) else {
                    return [ValueFact(element: element)]
                }
                axes = resolved
            }
        }
        let kept = node.node.integer("keepdims", default: 1) != 0
        let dimensions = own.indices.compactMap { axes.contains($0) ? (kept ? Extent(1) : nil) : own[$0] }
        let isWhole = own.count == 1 && axes == [0]
        return [ValueFact(element: element, dimensions: dimensions, content: isWhole ? whole.map { [$0] } : nil)]
    }

    private static let indexOf: ShapeRule = { node in
        guard let own = node.dimensions(), let axis = node.axis(default: 0, rank: own.count) else {
            return [ValueFact(element: .int64)]
        }
        var dimensions = own
        if node.node.integer("keepdims", default: 1) != 0 {
            dimensions[axis] = Extent(1)
        } else {
            dimensions.remove(at: axis)
        }
        return [ValueFact(element: .int64, dimensions: dimensions)]
    }
}
