import PithModel
import PithTensor

extension ShapeRules {
    /// Operators with windows, matrices or recurrent state.
    static let layers: [String: ShapeRule] = [
        "Conv": { node in
            windowed(node, kernel: kernel(of: node, weight: 1), channels: node.dimensions(1)?.first, ceiling: false)
        },
        "ConvInteger": { node in
            windowed(
                node, kernel: kernel(of: node, weight: 1), channels: node.dimensions(1)?.first, ceiling: false,
                element: .int32)
        },
        "QLinearConv": { node in
            windowed(
                node, kernel: kernel(of: node, weight: 3), channels: node.dimensions(3)?.first, ceiling: false,
                element: node.element(7))
        },
        "MaxPool": { node in
            let pooled = windowed(node, kernel: node.node.integers("kernel_shape"), channels: nil, ceiling: true)
            return pooled + pooled.map { ValueFact(element: .int64, dimensions: $0.dimensions) }
        },
        "AveragePool": { node in
            windowed(node, kernel: node.node.integers("kernel_shape"), channels: nil, ceiling: true)
        },
        "LpPool": { node in windowed(node, kernel: node.node.integers("kernel_shape"), channels: nil, ceiling: true) },
        "ConvTranspose": transposed,
        "GlobalAveragePool": global,
        "GlobalMaxPool": global,
        "GlobalLpPool": global,
        "MatMul": { [ValueFact(element: $0.element(), dimensions: product($0, 0, 1))] },
        "MatMulInteger": { [ValueFact(element: .int32, dimensions: product($0, 0, 1))] },
        "QLinearMatMul": { [ValueFact(element: $0.element(7), dimensions: product($0, 0, 3))] },
        "Gemm": { node in
            let a = node.dimensions(0), b = node.dimensions(1)
            let rows = a.flatMap { $0.count == 2 ? $0[node.node.integer("transA", default: 0) == 0 ? 0 : 1] : nil }
            let columns = b.flatMap { $0.count == 2 ? $0[node.node.integer("transB", default: 0) == 0 ? 1 : 0] : nil }
            return [ValueFact(element: node.element(), dimensions: [rows ?? node.fresh(0), columns ?? node.fresh(1)])]
        },
        "LSTM": recurrent,
        "GRU": recurrent,
        "RNN": recurrent,
        "Resize": resized,
        "Upsample": resized,
    ]

    private static let global: ShapeRule = { node in
        let dimensions = node.dimensions().map { own in own.indices.map { $0 < 2 ? own[$0] : Extent(1) } }
        return [ValueFact(element: node.element(), dimensions: dimensions)]
    }

    private static func kernel(of node: InferenceNode, weight: Int) -> [Int]? {
        node.node.integers("kernel_shape") ?? node.fact(weight)?.fixedLengths.map { Array($0.dropFirst(2)) }
    }

    /// Convolutions and pools: `floor((length + pads - dilation * (kernel - 1) - 1) / stride) + 1` along each axis.
    private static func windowed(
        _ node: InferenceNode, kernel: [Int]?, channels: Extent?, ceiling: Bool, element: ScalarType? = nil
    ) -> [ValueFact] {
        let element = element ?? node.element()
        guard let own = node.dimensions(), own.count > 2 else { return [ValueFact(element: element)] }
        var dimensions = node.fresh(rank: own.count)
        dimensions[0] = own[0]
        dimensions[1] = channels ?? (ceiling ? own[1] : node.fresh(1))
        let rounding = ceiling && node.node.integer("ceil_mode", default: 0) != 0
        if let kernel, kernel.count == own.count - 2 {
            for axis in kernel.indices {
                let window = Window(node, axis: axis, of: kernel.count, kernel: kernel[axis])
                dimensions[axis + 2] = window?.count(over: own[axis + 2], ceiling: rounding) ?? node.fresh(axis + 2)
            }
        }
        return [ValueFact(element: element, dimensions: dimensions)]
    }

    private static let transposed: ShapeRule = { node in
        guard let own = node.dimensions(), own.count > 2, let weight = node.fact(1)?.fixedLengths,
            weight.count == own.count,
            node.node.integers("output_shape") == nil, (node.node.string("auto_pad") ?? "NOTSET") == "NOTSET"
        else {
            return [
                ValueFact(element: node.element(), dimensions: node.dimensions().map { node.fresh(rank: $0.count) })
            ]
        }
        let extra = (node.node.integers("output_padding") ?? []).map { min(max($0, 0), 1 << 31) }
        var dimensions = own
        dimensions[1] =
            Extent(weight[1]).multiplied(by: Extent(node.node.integer("group", default: 1))) ?? node.fresh(1)
        for axis in 0..<own.count - 2 {
            let window = Window(node, axis: axis, of: own.count - 2, kernel: weight[axis + 2])
            let spread = window.flatMap { window in
                own[axis + 2].adding(Extent(-1))?.multiplied(by: Extent(window.stride))
            }
            let added = window.map { $0.reach + 1 - $0.padding + (axis < extra.count ? extra[axis] : 0) }
            dimensions[axis + 2] = added.flatMap { spread?.adding(Extent($0)) } ?? node.fresh(axis + 2)
        }
        return [ValueFact(element: node.element(), dimensions: dimensions)]
    }

    private static func product(_ node: InferenceNode, _ left: Int, _ right: Int) -> [Extent]? {
        guard var a = node.dimensions(left), var b = node.dimensions(right), !a.isEmpty, !b.isEmpty else { return nil }
        let leftIsVector = a.count == 1, rightIsVector = b.count == 1
        if leftIsVector { a.insert(Extent(1), at: 0) }
        if rightIsVector { b.append(Extent(1)) }
        var result = node.broadcast(Array(a.dropLast(2)), Array(b.dropLast(2)))
        if !leftIsVector { result.append(a[a.count - 2]) }
        if !rightIsVector { result.append(b[b.count - 1]) }
        return result
    }

    private static let recurrent: ShapeRule = { node in
        let own = node.dimensions().flatMap { $0.count == 3 ? $0 : nil }
        let hidden = node.dimensions(2)?.last ?? node.fresh(3)
        let directions = Extent(node.node.string("direction") == "bidirectional" ? 2 : 1)
        let batchFirst = node.node.integer("layout", default: 0) != 0
        let batch = own?[batchFirst ? 0 : 1] ?? node.fresh(2), steps = own?[batchFirst ? 1 : 0] ?? node.fresh(0)
        let all = batchFirst ? [batch, steps, directions, hidden] : [steps, directions, batch, hidden]
        let last = batchFirst ? [batch, directions, hidden] : [directions, batch, hidden]
        return [all, last, last].map { ValueFact(element: node.element(), dimensions: $0) }
    }

    private static let resized: ShapeRule = { node in
        let element = node.element()
        guard let own = node.dimensions() else { return [ValueFact(element: element)] }
        let old = node.node.operation == "Upsample" || node.opset < 11, scalesAt = old ? 1 : 2
        let plain =
            node.node.integers("axes") == nil
            && node.node.string("coordinate_transformation_mode") != "tf_crop_and_resize"
            && (node.node.string("keep_aspect_ratio_policy") ?? "stretch") == "stretch"
        let unknown = [ValueFact(element: element, dimensions: node.fresh(rank: own.count))]
        guard plain else { return unknown }
        if let sizes = node.content(3), sizes.count == own.count {
            return [ValueFact(element: element, dimensions: sizes.enumerated().map { $1 ?? node.fresh($0) })]
        }
        var scales = node.floats(scalesAt)
        if case .floats(let stated) = node.node[attribute: "scales"] { scales = stated }
        guard let scales, scales.count == own.count else { return unknown }
        return [
            ValueFact(
                element: element,
                dimensions: own.indices.map { axis in
                    scaled(own[axis], by: scales[axis]) ?? node.fresh(axis)
                })
        ]
    }

    private static func scaled(_ length: Extent, by scale: Float) -> Extent? {
        if let whole = Int(exactly: scale), whole > 0 { return length.multiplied(by: Extent(whole)) }
        guard let length = length.constant, scale > 0, scale < 1_048_576, length < 1 << 31 else { return nil }
        return Extent(Int((Double(length) * Double(scale)).rounded(.down)))
    }
}

/// One axis of a sliding window.
private struct Window {
    let stride: Int
    /// Distance from the window's first element to its last.
    let reach: Int
    /// Elements added before and after.
    let padding: Int
    let automatic: String

    init?(_ node: InferenceNode, axis: Int, of axes: Int, kernel: Int) {
        let limit = 1 << 31
        let strides = node.node.integers("strides"), dilations = node.node.integers("dilations"),
            pads = node.node.integers("pads")
        guard strides.map({ $0.count == axes }) ?? true, dilations.map({ $0.count == axes }) ?? true,
            pads.map({ $0.count == axes * 2 }) ?? true
        else { return nil }
        let dilation = dilations?[axis] ?? 1
        stride = strides?[axis] ?? 1
        guard (1..<limit).contains(kernel), (1..<limit).contains(dilation), (1..<limit).contains(stride) else {
            return nil
        }
        reach = dilation * (kernel - 1)
        automatic = node.node.string("auto_pad") ?? "NOTSET"
        let sides = pads.map { ($0[axis], $0[axis + axes]) } ?? (0, 0)
        guard abs(sides.0) < limit, abs(sides.1) < limit else { return nil }
        padding = automatic == "NOTSET" ? sides.0 + sides.1 : 0
    }

    /// Places the window takes along an axis.
    func count(over length: Extent, ceiling: Bool) -> Extent? {
        if automatic.hasPrefix("SAME") { return length.adding(Extent(stride - 1))?.floorDivided(by: stride) }
        guard let span = length.adding(Extent(padding - reach - 1)) else { return nil }
        if stride == 1 { return span.adding(Extent(1)) }
        // Runtimes differ on a last window that starts inside the padding, so a rounded-up count is left open
        // unless it makes no difference.
        if ceiling, span.divided(by: Extent(stride)) == nil { return nil }
        return span.floorDivided(by: stride)?.adding(Extent(1))
    }
}
