internal import PithModel
internal import PithTensor

/// Integer weights that operators of the standard turn into floats: levels, less their zero points, times their scales; or
/// codes into a table of numbers, times their scales.
///
/// `GraphLowering.lowerFolded` says which operators these are; this is the way back.
struct FoldedForm {
    /// The stored form of the weight.
    let form: StoredForm

    /// Levels or zero points: where they are, and in which shape they stand in the product.
    private struct Integers {
        let source: StoredForm.Source
        let type: ScalarType
        let bits: Int
        let dimensions: [Int]
    }

    /// The weight that `node` (a `Mul`, or a `Reshape` or `Slice` behind one) makes; nil when it makes something else.
    init?(_ node: Node, _ parts: FormParts) {
        var product = node, final: [Int]?, cut: (axis: Int, end: Int)?
        if node.operation == "Slice" {
            guard let bounds = FoldedForm.cut(node, parts), let inner = parts.maker(of: node.inputs[0], "Reshape")
            else {
                return nil
            }
            (cut, product) = (bounds, inner)
        }
        if product.operation == "Reshape" {
            guard product.inputs.count == 2, let dimensions = parts.list(product.inputs[1]),
                let inner = parts.maker(of: product.inputs[0], "Mul")
            else { return nil }
            (final, product) = (dimensions, inner)
        }
        guard product.operation == "Mul", product.inputs.count == 2,
            let (levels, zeros, table) = FoldedForm.factor(product.inputs[0], parts)
        else { return nil }
        var scales = product.inputs[1]
        if let cast = parts.maker(of: scales, "Cast"), parts.isCastToFloat(cast) { scales = cast.inputs[0] }
        guard let factors = parts.tensor(scales), factors.type != .float32 || scales == product.inputs[1] else {
            return nil
        }
        let layout = FoldedForm.aligned(factors.shape.dimensions, to: levels.dimensions.count)
        var padded = final ?? levels.dimensions
        if let cut, cut.axis < padded.count { padded[cut.axis] = cut.end }
        guard let layout, let shape = try? Shape(padded),
            (padded + levels.dimensions).allSatisfy({ $0 <= FormParts.longestAxis }),
            zeros.map({ Shape.product(of: $0.dimensions) == factors.count && $0.type == levels.type }) ?? true,
            let grouping = FoldedForm.grouping(levels.dimensions, layout, shape.dimensions, isCut: cut != nil),
            let grouped = parts.grouped(
                (levels.source, levels.type), of: shape, bits: levels.bits, scales: scales,
                zeros: zeros.map { ($0.source, factors.count) }, grouping: grouping, isPadded: cut != nil,
                hasZeros: zeros != nil), let form = parts.tabled(grouped, of: levels.type, table)
        else { return nil }
        self.form = form
    }

    /// The axis that a `Slice` shortens from its end, and where it ends.
    private static func cut(_ node: Node, _ parts: FormParts) -> (axis: Int, end: Int)? {
        guard node.inputs.count == 4, parts.list(node.inputs[1]) == [0], let end = parts.list(node.inputs[2]),
            let axis = parts.list(node.inputs[3]), end.count == 1, axis.count == 1, axis[0] >= 0, end[0] > 0
        else { return nil }
        return (axis[0], end[0])
    }

    /// Axis lengths with ones before them, so that there are `rank`.
    private static func aligned(_ dimensions: [Int], to rank: Int) -> [Int]? {
        dimensions.count <= rank ? [Int](repeating: 1, count: rank - dimensions.count) + dimensions : nil
    }

    /// What grouping makes scales of the layout `scales` of levels in the layout `levels`, whose weight has `shape`.
    private static func grouping(
        _ levels: [Int], _ scales: [Int], _ shape: [Int], isCut: Bool
    ) -> GroupedIntegers.Grouping? {
        if levels == shape, !isCut {
            let axes = levels.indices.filter { scales[$0] != 1 }
            guard axes.count <= 1, axes.allSatisfy({ scales[$0] == levels[$0] }) else { return nil }
            return axes.first.map { .channel(axis: $0) } ?? .tensor
        }
        guard levels.count == shape.count + 1 else { return nil }
        for axis in shape.indices {
            let (groups, size) = (levels[axis], levels[axis + 1])
            var expected = levels
            expected[axis + 1] = 1
            guard levels[..<axis] == shape[..<axis], levels[(axis + 2)...] == shape[(axis + 1)...], scales == expected,
                size > 0, isCut ? (shape[axis] + size - 1) / size == groups : shape[axis] == groups * size
            else { continue }
            return .block(axis: axis, size: size)
        }
        return nil
    }

    // MARK: Levels

    /// `value` as levels and zero points, or as codes and the table that has their numbers.
    private static func factor(
        _ value: String, _ parts: FormParts
    ) -> (levels: Integers, zeros: Integers?, table: String?)? {
        guard let node = parts.maker(of: value, "Gather") else {
            return difference(value, parts).map { ($0, $1, nil) }
        }
        guard node.inputs.count == 2, node.integer("axis", default: 0) == 0,
            let codes = integers(node.inputs[1], offset: 0, parts, as: .int32)
                ?? integers(node.inputs[1], offset: 0, parts, as: .int64)
        else { return nil }
        return (codes, nil, node.inputs[0])
    }

    /// `value` as levels and zero points: a `Sub`, or levels alone.
    private static func difference(_ value: String, _ parts: FormParts) -> (Integers, Integers?)? {
        guard let node = parts.maker(of: value, "Sub"), node.inputs.count == 2 else {
            return integers(value, offset: 0, parts).map { ($0, nil) }
        }
        guard let levels = integers(node.inputs[0], offset: 0, parts) else { return nil }
        if levels.bits < 8, parts.scalar(node.inputs[1]) == Double(1 << (levels.bits - 1)) {
            return integers(node.inputs[0], offset: 1 << (levels.bits - 1), parts).map { ($0, nil) }
        }
        return integers(node.inputs[1], offset: 0, parts).map { (levels, $0) }
    }

    /// `value` as integers that were cast to `target`, or taken out of bytes.
    private static func integers(
        _ value: String, offset: Int, _ parts: FormParts, as target: ScalarType = .float32
    ) -> Integers? {
        if let cast = parts.maker(of: value, "Cast"), parts.isCast(cast, to: target), offset == 0,
            let tensor = parts.tensor(cast.inputs[0]), tensor.type.isInteger
        {
            guard let source = parts.source(named: cast.inputs[0]) else { return nil }
            return Integers(
                source: source, type: tensor.type, bits: tensor.type.bitWidth, dimensions: tensor.shape.dimensions)
        }
        guard let runs = PackedRun.runs(value, parts, as: target), let first = runs.first,
            let shape = try? Shape(first.dimensions), runs.allSatisfy({ $0.dimensions == first.dimensions })
        else { return nil }
        let bits = runs.reduce(0) { $0 + $1.width }
        var shift = 0
        for run in runs {
            guard run.shift == shift else { return nil }
            shift += run.width
        }
        guard bits < 8, runs.map(\.width) == [4, 2, 1].filter({ bits & $0 != 0 }) else { return nil }
        let type = offset > 0 ? ScalarType.int8 : .uint8
        let form = StoredForm(
            kind: StoredForm.packedIntegers, type: type, shape: shape,
            settings: [(StoredForm.Name.bits, bits), (StoredForm.Name.offset, offset)],
            parts: runs.map { (StoredForm.Role.bits($0.width), $0.source) })
        return Integers(source: .form(form), type: type, bits: bits, dimensions: first.dimensions)
    }
}
