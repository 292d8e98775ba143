import PithModel
import PithTensor

/// An activation whose channels can be scaled: products alone read it, and what makes it can take their factors up.
struct ScaleCandidate: Sendable {
    /// Why an activation stays as it is; the order is that of notes.
    enum Obstacle: Int, Error, CaseIterable {
        case leftOut, small, shared, unmade, bound, wide, unseen, asGood, overflow

        /// What notes say of activations with this obstacle, behind their number.
        var text: String {
            switch self {
            case .leftOut: "of which the recipe leaves a constant out"
            case .small: "of which no weight is finite and large enough to be rounded"
            case .shared: "read by more than products with constant matrices, or given by the caller"
            case .unmade: "behind nothing that could take factors up"
            case .bound: "whose constants are read elsewhere too"
            case .wide: "of more than \(MomentBudget.mostChannels) channels"
            case .unseen: "not finite on calibration data, or with other channels there"
            case .asGood: "where rounding would err as much"
            case .overflow: "whose weights would not be finite"
            }
        }
    }

    let group: ProductGroup
    let sink: ScaleSink
    /// The matrices whose errors count.
    let matrices: [ScaleSearch.Matrix]

    /// The changes of constants that scale the activation by `factors`, one for each channel of the sink.
    ///
    /// - Throws: `.bound` where a constant is changed in two ways or read by something else.
    func plan(_ factors: [Double], in graph: Graph, _ readers: ConstantReaders) throws(Obstacle) -> ConstantPlan {
        var plan = ConstantPlan(graph, readers)
        let rows = ChannelTransform(scaling: sink.spread(factors))
        for product in group.products {
            guard let axis = ProductGroup.inputAxis(of: graph.nodes[product.place.node]),
                plan.add(rows, at: product.place, axis: axis)
            else { throw .bound }
        }
        guard sink.divide(by: factors, in: &plan), plan.obstacle == nil else { throw .bound }
        return plan
    }
}

/// Finds the activations of a model that can be scaled, and for the others the reason why not.
struct ScaleSurvey {
    private let graph: Graph
    private let readers: ConstantReaders
    private let facts: [String: ValueFact]
    private let uses: [String: [WeightReader]]
    private let selector: Selector
    private let minimumCount: Int

    /// Looks at the main graph of `model`, of which `selector` chooses weights; matrices of fewer than `minimumCount` elements
    /// are not rounded.
    init(_ model: Model, _ selector: Selector, minimumCount: Int) {
        graph = model.graph
        readers = ConstantReaders(model.graph)
        facts = ShapeInference(scope: GraphScope(of: model)).facts(of: model.graph)
        uses = model.graph.weightReaders()
        self.selector = selector
        self.minimumCount = minimumCount
    }

    /// What is found for each activation that products with matrices of their own read, in the order of the graph.
    func candidates() -> [Result<ScaleCandidate, ScaleCandidate.Obstacle>] {
        ProductGroup.all(in: graph, readers).filter { $0.channels > 1 }.map { group in
            Result { () throws(ScaleCandidate.Obstacle) in try candidate(group) }
        }
    }

    private func candidate(_ group: ProductGroup) throws(ScaleCandidate.Obstacle) -> ScaleCandidate {
        let weights = group.weights
        guard weights.allSatisfy({ isChosen($0.name) }) else { throw .leftOut }
        let matrices = weights.compactMap { matrix($0.name, $0.axis) }
        guard !matrices.isEmpty else { throw .small }
        guard group.isComplete else { throw .shared }
        guard let sink = ScaleSink(of: group.value, channels: group.channels, in: graph, readers, facts) else {
            throw .unmade
        }
        guard group.channels <= MomentBudget.mostChannels else { throw .wide }
        let candidate = ScaleCandidate(group: group, sink: sink, matrices: matrices)
        // Factors of which no two are alike, so that what can not take any two is found before any are looked for.
        let plan = try candidate.plan((0..<sink.channels).map { Double($0 + 2) }, in: graph, readers)
        guard plan.leftOut(by: selector) == nil else { throw .leftOut }
        return candidate
    }

    private func isChosen(_ name: String) -> Bool {
        guard let weight = graph.weights[name] else { return false }
        return selector.accepts(weight: name, count: weight.shape.count, readers: uses[name] ?? [])
    }

    /// A matrix that will be rounded; nil for others and for numbers that are not finite.
    private func matrix(_ name: String, _ axis: Int) -> ScaleSearch.Matrix? {
        guard let tensor = graph.weights[name]?.dense, tensor.count >= minimumCount,
            tensor.withElements(as: Float.self, { Kernels.range(of: $0).nonFinite == 0 })
        else { return nil }
        return ScaleSearch.Matrix(name: name, tensor: tensor, axis: axis)
    }
}
