import PithModel

/// One kind of kernel with the weights it could use.
struct KernelOption {
    /// The weights, all for the same kind of kernels.
    let weights: [KernelCandidate.Encoded]
    /// The model as it stands at the end where no candidate is taken: these weights, and all others that a recipe rounds, in
    /// levels that are folded to floats.
    let folded: Model
    /// The model without the kernels, and without what was done for them alone, such as smoothed activations.
    let baseline: Model

    init(weights: [KernelCandidate.Encoded], folded: Model, baseline: Model? = nil) {
        (self.weights, self.folded) = (weights, folded)
        self.baseline = baseline ?? folded
    }

    /// What is tried first, each with a name: every layer, and where there are both, recurrent layers and products alone.
    var sets: [(label: String, weights: [KernelCandidate.Encoded])] {
        let recurrent = weights.filter { $0.entry.part.layer == .recurrent }
        let products = weights.filter { $0.entry.part.layer == .product }
        guard !recurrent.isEmpty, !products.isEmpty else { return [("every layer" + words, weights)] }
        return [
            ("every layer" + words, weights), ("recurrent layers" + words, recurrent), ("products" + words, products),
        ]
    }

    /// What tells one kind of kernel from another in a label.
    var words: String {
        switch weights.first?.execution {
        case .blocks: " by block kernels in float"
        case .roundedBlocks: " by block kernels"
        case .dynamic, .folded, .integer, .rows, nil: ""
        }
    }
}
