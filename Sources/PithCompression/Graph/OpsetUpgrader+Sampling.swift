import PithModel
import PithTensor

/// Rules for operators that read their input at computed places.
extension OpsetUpgrader {
    @Sendable static func upsample9(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard case .floats(let scales) = node[attribute: "scales"] else {
            throw refusal(node, "it lacks its attribute 'scales'.")
        }
        node[attribute: "scales"] = nil
        node.set(input: 1, to: bench.vector(scales, role: "scales"))
        return [node]
    }

    /// The same operator under its newer name; it never makes its input smaller.
    @Sendable static func upsample10(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        node.operation = "Resize"
        for output in node.outputs { bench.noteEnlargement(output) }
        return [node]
    }

    /// Version 10 reads at `x / scale`, which 11 calls asymmetric; `nearest` takes the element below.
    ///
    /// How `nearest` rounds when it makes its input smaller was left open, so that only scales are raised for which
    /// every rounding agrees.
    @Sendable static func resize11(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard node.inputs.count == 2 else { throw refusal(node, "it lacks its input 'scales'.") }
        if node.string("mode") ?? "nearest" == "nearest" {
            let enlarges = node.outputs.allSatisfy(bench.enlargements.contains)
            guard enlarges || bench.constant(node.inputs[1])?.floats()?.allSatisfy(roundsAlike) == true else {
                throw refusal(
                    node, "operator set 10 does not say how 'nearest' rounds between elements when scales lie below 1.")
            }
            node[attribute: "nearest_mode"] = .text("floor")
        }
        node[attribute: "coordinate_transformation_mode"] = .text("asymmetric")
        node.inputs = [node.inputs[0], bench.vector([Float](), role: "roi"), node.inputs[1]]
        return [node]
    }

    /// Whether every place `x / scale` lies where all roundings of version 10 agree: at least 1, or `2^-n`.
    @Sendable private static func roundsAlike(_ scale: Float) -> Bool {
        scale >= 1 || (scale > 0 && scale.significand == 1)
    }

    /// One coordinate mode was withdrawn; of scales and sizes only one may be there, and the region is optional.
    @Sendable static func resize13(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        guard node.string("coordinate_transformation_mode") != "tf_half_pixel_for_nn" else {
            throw refusal(node, "its coordinate mode 'tf_half_pixel_for_nn' was withdrawn in operator set 13.")
        }
        let positions = node.inputs.count > 3 && !node.inputs[3].isEmpty ? [1, 2] : [1]
        for position in positions where position < node.inputs.count {
            if bench.constant(node.inputs[position])?.count == 0 { node.inputs[position] = "" }
        }
        return [node]
    }

    /// Two modes got shorter names.
    @Sendable static func gridSample20(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        switch node.string("mode") {
        case nil, "bilinear": node[attribute: "mode"] = .text("linear")
        case "bicubic": node[attribute: "mode"] = .text("cubic")
        default: break
        }
        return [node]
    }

    /// The new default shifts the region by half a pixel, which version 10 did not.
    @Sendable static func roiAlign16(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        node[attribute: "coordinate_transformation_mode"] = .text("output_half_pixel")
        return [node]
    }

    @Sendable static func scatter11(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        var node = node
        node.operation = "ScatterElements"
        return [node]
    }

    /// What `auto_pad` and `output_shape` do with odd padding was stated the other way round in version 1.
    @Sendable static func convTranspose11(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        guard !["SAME_UPPER", "SAME_LOWER"].contains(node.string("auto_pad")), node.integers("output_shape") == nil
        else {
            throw refusal(
                node, "operator sets before 11 put odd padding at another side than runtimes and newer sets do.",
                remedy: "Export the model with explicit 'pads' and 'output_padding'.")
        }
        return [node]
    }
}
