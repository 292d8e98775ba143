import PithModel
import PithTensor

/// What becomes of layers with factors between them: every changed weight and bias, all of them finite.
///
/// Where a number would not be finite the pairs that it belongs to are given up, and the others keep their factors.
struct EqualizedLayers {
    /// What a layer's constants become.
    private struct Change {
        let matrix: Int
        let weight: Tensor
        let bias: (name: String, numbers: Tensor)?
    }

    let balance: ChannelBalance
    /// The factors of each pair; 1 for those that were given up.
    private(set) var factors: [[Double]]
    /// Places of the pairs that were given up, in rising order.
    private(set) var overflowing: [Int] = []
    private var changes: [Change] = []

    /// Multiplies the constants of `graph`, whose layers and pairs `balance` has, with `factors`.
    ///
    /// - Complexity: O(elements of the weights) for each pair that is given up, and once more.
    init(_ balance: ChannelBalance, _ factors: [[Double]], in graph: Graph) {
        self.balance = balance
        self.factors = factors
        var broken: Set<Int>
        repeat {
            broken = multiply(graph)
            for pair in broken { self.factors[pair] = self.factors[pair].map { _ in 1 } }
            overflowing += broken
        } while !broken.isEmpty
        overflowing.sort()
    }

    /// Finds the changes with the factors as they are; answers with the pairs of which a number would not be finite.
    private mutating func multiply(_ graph: Graph) -> Set<Int> {
        var broken: Set<Int> = []
        changes = []
        for place in balance.matrices.indices {
            let matrix = balance.matrices[place], sides = balance.sides(of: place, factors)
            let makesOthers = sides.outputs.contains { $0 != 1 }
            guard makesOthers || sides.inputs.contains(where: { $0 != 1 }) else { continue }
            guard let weight = matrix.scaled(outputs: sides.outputs, inputs: sides.inputs) else {
                broken.formUnion(moving(balance.pairs.indices.filter { touches($0, place) }))
                continue
            }
            let summand = balance.pairs.first { $0.first == place }?.summand
            guard makesOthers, let bias = matrix.bias ?? summand else {
                changes.append(Change(matrix: place, weight: weight, bias: nil))
                continue
            }
            guard let numbers = EqualizedLayers.product(graph.weights[bias]?.dense, sides.outputs) else {
                broken.formUnion(moving(balance.pairs.indices.filter { balance.pairs[$0].first == place }))
                continue
            }
            changes.append(Change(matrix: place, weight: weight, bias: (bias, numbers)))
        }
        return broken
    }

    private func touches(_ pair: Int, _ matrix: Int) -> Bool {
        balance.pairs[pair].first == matrix || balance.pairs[pair].second == matrix
    }

    private func moving(_ pairs: [Int]) -> [Int] { pairs.filter { factors[$0].contains { $0 != 1 } } }

    /// A bias times the factors of its channels; nil where a number would not be finite.
    private static func product(_ bias: Tensor?, _ factors: [Double]) -> Tensor? {
        guard let bias else { return nil }
        let numbers = zip(bias.elements(as: Float.self), factors).map { Float(Double($0) * $1) }
        return numbers.allSatisfy(\.isFinite) ? Tensor(numbers, shape: bias.shape) : nil
    }

    // MARK: Changes

    /// The clips between layers with factors.
    private var clips: [(node: Int, output: String, bound: Float)] {
        balance.pairs.indices.filter { factors[$0].contains { $0 != 1 } }.flatMap { balance.pairs[$0].clips }
    }

    /// Puts the constants into the model, and ReLUs where clips stood between layers with factors; answers how many.
    func carryOut(on piece: inout Workpiece) -> Int {
        var names = NameSource(taken: piece.model.graph.allNames)
        for change in changes {
            let matrix = balance.matrices[change.matrix]
            piece.model.graph.weights[matrix.weight]?.form = .dense(change.weight)
            piece.trace.record(
                [matrix.weight], into: [matrix.weight],
                note: "channels of \(matrix.label) equalized with its neighbours'")
            if let bias = change.bias { put(bias.numbers, for: bias.name, of: matrix, &piece, &names) }
        }
        for clip in clips { replace(clip.node, in: &piece) }
        return clips.count
    }

    /// Puts a bias into the model; one that others read too is copied.
    private func put(
        _ numbers: Tensor, for bias: String, of matrix: ChannelMatrix, _ piece: inout Workpiece,
        _ names: inout NameSource
    ) {
        let note = "divided like the channels of \(matrix.label)"
        if ChannelMatrix.isOwn(bias, piece.model.graph, GraphIndex(piece.model.graph)) {
            piece.model.graph.weights[bias]?.form = .dense(numbers)
            piece.trace.record([bias], into: [bias], note: note)
        } else {
            let name = names.make(bias, "_equalized")
            piece.model.graph.weights[name] = Weight(name, numbers)
            piece.model.graph.nodes[matrix.node].inputs[2] = name
            piece.trace.record([bias], into: [name], note: note)
        }
    }

    /// Turns a clip into a ReLU, and drops bounds that nothing reads any more.
    private func replace(_ clip: Int, in piece: inout Workpiece) {
        let node = piece.model.graph.nodes[clip]
        piece.model.graph.nodes[clip] = Node(
            "Relu", inputs: [node.inputs[0]], outputs: node.outputs, name: node.name)
        let index = GraphIndex(piece.model.graph)
        for name in node.inputs.dropFirst() where piece.model.graph.weights[name] != nil && !index.isRead(name) {
            piece.model.graph.weights[name] = nil
            piece.trace.recordRemoval(of: name, note: "the bound of a clip that became a ReLU")
        }
    }
}
