package import PithModel

/// What products kernels of integer weights can take the place of.
package enum ProductKernel {
    /// Whether `node` multiplies plainly with a matrix from the right: `[in, out]`, or `[out, in]` where it is transposed.
    package static func takes(_ node: Node, isTransposed: Bool) -> Bool {
        switch node.operation {
        case "MatMul": node.isStandard("MatMul") && !isTransposed
        case "Gemm":
            node.isStandard("Gemm") && self.isTransposed(node) == isTransposed
                && node.integer("transA", default: 0) == 0 && node.float("alpha", default: 1) == 1
                && node.float("beta", default: 1) == 1
        default: false
        }
    }

    /// Whether a product reads its weight with the axes exchanged.
    package static func isTransposed(_ node: Node) -> Bool {
        node.isStandard("Gemm") && node.integer("transB", default: 0) != 0
    }
}
