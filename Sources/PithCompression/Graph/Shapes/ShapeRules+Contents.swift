import PithModel
import PithTensor

extension ShapeRules {
    /// Operators whose integer results are followed number by number: what exporters compute shapes with.
    static let contents: [String: ShapeRule] = [
        "Shape": shape,
        "Size": { node in
            [ValueFact(element: .int64, dimensions: [], content: node.fact(0)?.count.map { [$0] })]
        },
        "Add": arithmetic { $0.adding($1) },
        "Sub": arithmetic { $0.adding($1, times: -1) },
        "Mul": arithmetic { $0.multiplied(by: $1) },
        "Div": arithmetic(quotient),
        "Mod": arithmetic { a, b in
            guard let a = a.constant, let b = b.constant, a >= 0, b > 0 else { return nil }
            return Extent(a % b)
        },
        "Max": arithmetic { a, b in
            b.adding(a, times: -1)?.isNonNegative == true ? b : a.adding(b, times: -1)?.isNonNegative == true ? a : nil
        },
        "Min": arithmetic { a, b in
            b.adding(a, times: -1)?.isNonNegative == true ? a : a.adding(b, times: -1)?.isNonNegative == true ? b : nil
        },
        "Sum": arithmetic { $0.adding($1) },
        "Equal": comparison { $0.equals($1) },
        "Less": comparison { $0.isLess(than: $1) },
        "Greater": comparison { $1.isLess(than: $0) },
        "LessOrEqual": comparison { a, b in b.isLess(than: a).map(!) },
        "GreaterOrEqual": comparison { a, b in a.isLess(than: b).map(!) },
        "And": comparison { a, b in
            a.constant == 0 || b.constant == 0 ? false : a.constant.flatMap { _ in b.constant.map { $0 != 0 } }
        },
        "Or": comparison { a, b in
            a.constant == 1 || b.constant == 1 ? true : a.constant.flatMap { _ in b.constant.map { $0 != 0 } }
        },
        "Not": mapped { $0.constant.map { Extent(1 - $0) } },
        "Neg": mapped { Extent(0).adding($0, times: -1) },
        "Abs": mapped { $0.isNonNegative ? $0 : nil },
        "Identity": mapped { $0 },
        "Cast": cast,
        "Where": choice,
        "ConstantOfShape": filled,
        "Range": range,
    ]

    private static let shape: ShapeRule = { node in
        guard let dimensions = node.dimensions() else {
            return [ValueFact(element: .int64, dimensions: [node.fresh(0)])]
        }
        let rank = dimensions.count
        func bound(_ name: String, _ standard: Int) -> Int {
            let stated = node.node.integer(name, default: standard)
            return min(max(stated < 0 ? stated + rank : stated, 0), rank)
        }
        let start = bound("start", 0), end = max(bound("end", rank), start)
        return [ValueFact(element: .int64, dimensions: [Extent(end - start)], content: Array(dimensions[start..<end]))]
    }

    private static func quotient(_ a: Extent, _ b: Extent) -> Extent? {
        if let b = b.constant { return b > 0 ? a.floorDivided(by: b) : nil }
        // A symbolic divisor may be zero at run time, where the original fails; the exact quotient stands for every
        // input on which the original runs.
        return a.isNonNegative ? a.divided(by: b) : nil
    }

    private static func mapped(_ change: @escaping @Sendable (Extent) -> Extent?) -> ShapeRule {
        { node in
            let content = node.content(0)?.map { $0.flatMap(change) }
            return [ValueFact(element: node.element(), dimensions: node.dimensions(), content: content)]
        }
    }

    /// Element by element over both inputs, the shorter one stretched.
    private static func combined(
        _ node: InferenceNode, element: ScalarType?, _ combine: (Extent, Extent) -> Extent?
    ) -> [ValueFact] {
        let dimensions = node.broadcast(inputs: 0..<node.inputs.count)
        let result = ValueFact(element: element, dimensions: dimensions)
        guard node.inputs.count == 2, node.opset >= 7, let lengths = result.fixedLengths,
            let count = Shape.product(of: lengths),
            count <= ValueFact.contentLimit, let left = stretched(node, 0, to: lengths),
            let right = stretched(node, 1, to: lengths)
        else { return [result] }
        let content = zip(left, right).map { a, b in a.flatMap { a in b.flatMap { combine(a, $0) } } }
        return [ValueFact(element: element, dimensions: dimensions, content: content)]
    }

    private static func arithmetic(_ combine: @escaping @Sendable (Extent, Extent) -> Extent?) -> ShapeRule {
        { node in combined(node, element: node.element(), combine) }
    }

    private static func comparison(_ decide: @escaping @Sendable (Extent, Extent) -> Bool?) -> ShapeRule {
        { node in combined(node, element: .bool) { a, b in decide(a, b).map { Extent($0 ? 1 : 0) } } }
    }

    /// The elements of an input repeated until they fill `lengths`, nil when they are not followed.
    static func stretched(_ node: InferenceNode, _ index: Int, to lengths: [Int]) -> [Extent?]? {
        guard let content = node.content(index), let own = node.fact(index)?.fixedLengths, own.count <= lengths.count,
            let count = Shape.product(of: lengths), count <= ValueFact.contentLimit
        else { return nil }
        let padded = [Int](repeating: 1, count: lengths.count - own.count) + own
        return (0..<count).map { flat in
            var rest = flat, position = 0, stride = 1
            for axis in lengths.indices.reversed() {
                let place = rest % lengths[axis]
                rest /= lengths[axis]
                if padded[axis] != 1 { position += place * stride }
                stride *= padded[axis]
            }
            return position < content.count ? content[position] : nil
        }
    }

    private static let cast: ShapeRule = { node in
        let target = ScalarType(onnxCode: node.node.integer("to", default: 0))
        let result = ValueFact(element: target, dimensions: node.dimensions())
        guard let target, let source = node.element(), source.isInteger || source == .bool else { return [result] }
        let content = node.content(0)?.map { value -> Extent? in
            if target == .bool { return value?.constant.map { Extent($0 == 0 ? 0 : 1) } }
            guard let range = target.integerRange, target != .uint64, let value else { return nil }
            if let number = value.constant { return range.contains(number) ? value : nil }
            // Lengths past 2^31 do not occur in tensors a 32-bit index could address.
            return range.upperBound >= Int(Int32.max) ? value : nil
        }
        return [
            ValueFact(element: target, dimensions: node.dimensions(), content: target.isFloatingPoint ? nil : content)
        ]
    }

    private static let choice: ShapeRule = { node in
        let dimensions = node.broadcast(inputs: 0..<node.inputs.count)
        let result = ValueFact(element: node.element(1), dimensions: dimensions)
        guard node.inputs.count == 3, let lengths = result.fixedLengths, let tests = stretched(node, 0, to: lengths),
            let yes = stretched(node, 1, to: lengths), let no = stretched(node, 2, to: lengths)
        else { return [result] }
        let content = tests.indices.map { index -> Extent? in
            guard let test = tests[index]?.constant else { return yes[index] == no[index] ? yes[index] : nil }
            return test != 0 ? yes[index] : no[index]
        }
        return [ValueFact(element: result.element, dimensions: dimensions, content: content)]
    }

    private static let filled: ShapeRule = { node in
        var element = ScalarType.float32, value: Extent? = nil
        if case .tensor(let weight) = node.node[attribute: "value"] {
            element = weight.type
            value = ValueFact(of: weight).fixedContent?.first.map { Extent($0) }
        }
        let dimensions = target(node, input: 0)
        let lengths = ValueFact(dimensions: dimensions).fixedLengths
        guard let value, let lengths, let count = Shape.product(of: lengths), count <= ValueFact.contentLimit else {
            return [ValueFact(element: element, dimensions: dimensions)]
        }
        return [ValueFact(element: element, dimensions: dimensions, content: [Extent?](repeating: value, count: count))]
    }

    /// Axis lengths that an input lists; unknown lengths become new symbols, nil when not even their number is known.
    static func target(_ node: InferenceNode, input: Int) -> [Extent]? {
        if let content = node.content(input) {
            return content.enumerated().map { axis, length in
                length.flatMap { $0.isNonNegative ? $0 : nil } ?? node.fresh(axis)
            }
        }
        guard let rank = node.fact(input)?.fixedLengths?.first, rank <= ValueFact.contentLimit else { return nil }
        return node.fresh(rank: rank)
    }

    private static let range: ShapeRule = { node in
        let element = node.element()
        let bounds = (0..<3).map { node.content($0)?.first ?? nil }
        guard let start = bounds[0], let end = bounds[1], let step = bounds[2]?.constant, step > 0,
            let span = end.adding(start, times: -1)
        else { return [ValueFact(element: element, dimensions: [node.fresh(0)])] }
        let rounded = span.adding(Extent(step - 1)) ?? span
        let count = step == 1 && span.isNonNegative ? span : rounded.floorDivided(by: step) ?? node.fresh(0)
        guard let number = count.constant, number <= ValueFact.contentLimit else {
            return [ValueFact(element: element, dimensions: [count])]
        }
        let content = (0..<max(number, 0)).map { start.adding(Extent($0 * step)) }
        return [ValueFact(element: element, dimensions: [Extent(max(number, 0))], content: content)]
    }
}

extension ScalarType {
    /// The element format of a number in the ONNX enumeration `TensorProto.DataType`.
    init?(onnxCode code: Int) {
        let order: [ScalarType?] = [
            nil, .float32, .uint8, .int8, .uint16, .int16, .int32, .int64, .string, .bool, .float16, .float64, .uint32,
            .uint64, .complex64, .complex128, .bfloat16, .float8e4m3fn, .float8e4m3fnuz, .float8e5m2, .float8e5m2fnuz,
            .uint4, .int4, .float4e2m1, .float8e8m0, .uint2, .int2,
        ]
        guard order.indices.contains(code), let type = order[code] else { return nil }
        self = type
    }
}
