import PithModel

/// Rules for pooling windows at the border.
extension OpsetUpgrader {
    /// Where windows reach past the padding, the divisor of an average that counts padding is another since 19.
    @Sendable static func averagePool19(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node] {
        guard node.integer("count_include_pad", default: 0) != 0 else { return [node] }
        guard !["SAME_UPPER", "SAME_LOWER"].contains(node.string("auto_pad")) else {
            throw refusal(
                node, "with 'count_include_pad' and 'auto_pad', runtimes leave out the end padding since version 19.",
                remedy: "Export the model with explicit 'pads'.")
        }
        guard node.integer("ceil_mode", default: 0) == 0 else {
            throw refusal(
                node, "with 'count_include_pad' and 'ceil_mode', the last window divides by fewer elements since 19.",
                remedy: "Export the model for the newer operator set, or without 'ceil_mode'.")
        }
        return [node]
    }

    /// Since 22 a window that would start in the end padding is left out, which changes the output's shape.
    ///
    /// With `ceil_mode` the last window starts before `length + padding - window + stride`, so that it starts inside
    /// the input whenever `stride + end padding <= window`.
    @Sendable static func windowsInPadding22(_ node: Node, _ bench: inout Workbench) throws(CompressionError) -> [Node]
    {
        guard node.integer("ceil_mode", default: 0) != 0 else { return [node] }
        let kernel = node.integers("kernel_shape") ?? [], axes = kernel.count
        let strides = node.integers("strides") ?? Array(repeating: 1, count: axes)
        let dilations = node.integers("dilations") ?? Array(repeating: 1, count: axes)
        let pads = node.integers("pads") ?? Array(repeating: 0, count: 2 * axes)
        let sound = strides.count == axes && dilations.count == axes && pads.count == 2 * axes
        guard sound, (kernel + strides + dilations + pads).allSatisfy((0...Int(Int32.max)).contains) else {
            throw refusal(
                node, "its strides, dilations and pads do not suit \(axes) axes, or one is negative or past 2^31.",
                remedy: "The file is damaged; export it again.")
        }
        let automatic = !["NOTSET", nil].contains(node.string("auto_pad"))
        let inside = (0..<axes).allSatisfy { axis in
            let window = (kernel[axis] - 1) * dilations[axis] + 1
            return strides[axis] + (automatic ? 0 : pads[axes + axis]) <= window
        }
        guard inside else {
            throw refusal(
                node, "with 'ceil_mode' a window can start in the end padding, where it is left out since version 22.",
                remedy: "Raise the model to 21 at most, or export it without 'ceil_mode'.")
        }
        return [node]
    }
}
