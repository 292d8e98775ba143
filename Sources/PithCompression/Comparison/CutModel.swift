import PithFormats
import PithModel
import PithTensor

/// A candidate cut at every value it shares with the reference: what it computes from the reference's values.
///
/// Each shared value stands twice in the graph: under its own name as an input, which every reader takes, and under a
/// new name as what the candidate makes of the inputs before it. So one run gives the own error of every layer.
struct CutModel {
    /// The graph, its inputs the shared values and the candidate's inputs, its outputs what was made.
    private(set) var model: Model
    /// What the candidate makes of each shared value, by the candidate's name of the value.
    private(set) var made: [String: String] = [:]
    /// The same after rounding.
    private(set) var rounded: [String: String] = [:]

    /// Cuts `candidate` at `pairs`; `types` are the element formats of the values in the candidate.
    init(_ candidate: Model, at pairs: [LayerMatch.Pair], types: [String: ScalarType]) {
        model = candidate
        var names = NameSource(taken: candidate.graph.allNames)
        for pair in pairs { made[pair.candidate] = names.make(pair.candidate, "_own") }
        for index in model.graph.nodes.indices {
            model.graph.nodes[index].outputs = model.graph.nodes[index].outputs.map { made[$0] ?? $0 }
        }
        // What the file says of these values may not hold for the new names, and their shapes follow from the data.
        let cut = Set(pairs.map(\.candidate))
        model.graph.valueTypes.removeAll { cut.contains($0.name) }
        for pair in pairs {
            model.graph.inputs.append(
                ValueInfo(
                    name: pair.candidate, type: ValueType(element: types[pair.candidate] ?? .float32, dimensions: nil)))
            round(pair, candidate, &names)
        }
        model.graph.outputs = (pairs.compactMap { made[$0.candidate] } + pairs.compactMap { rounded[$0.candidate] })
            .map { ValueInfo(name: $0) }
    }

    /// Adds a copy of the operators that round a value, behind what the candidate makes of it.
    private mutating func round(_ pair: LayerMatch.Pair, _ candidate: Model, _ names: inout NameSource) {
        guard let result = pair.rounded, let own = made[pair.candidate],
            var second = candidate.graph.nodes.first(where: { $0.outputs.first == result }),
            var first = candidate.graph.nodes.first(where: { $0.outputs.first == second.inputs.first })
        else { return }
        let levels = names.make(own, "_q"), output = names.make(own, "_d")
        first.inputs[0] = own
        first.outputs = [levels]
        first.name = ""
        second.inputs[0] = levels
        second.outputs = [output]
        second.name = ""
        model.graph.nodes += [first, second]
        rounded[pair.candidate] = output
    }
}

extension Tensor {
    /// The same numbers in another floating-point format, rounded to nearest; nil for formats below 16 bits.
    func converted(to wanted: ScalarType) -> Tensor? {
        if type == wanted { return self }
        guard let numbers = floats() else { return nil }
        switch wanted {
        case .float32: return Tensor(numbers, shape: shape)
        case .float64: return Tensor(numbers.map { Double($0) }, shape: shape)
        case .float16: return try? Tensor(type: wanted, shape: shape, storage: Storage(numbers.map(HalfFloat.bits)))
        case .bfloat16:
            return try? Tensor(type: wanted, shape: shape, storage: Storage(numbers.map(HalfFloat.brainBits)))
        default: return nil
        }
    }
}
