import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Rounds the weights of recurrent layers (`LSTM`, `GRU`, `RNN`) with the help of what they are multiplied with.
///
/// The weights of the inputs are weighed by the moments of the inputs, those of the state by the moments of the layer's
/// own outputs, which are its states; both as the float model has them. Gates are not linear, so wanted are the float
/// gates' own sums, not the model's outputs.
///
/// - Deviation: the state that a reset gate has multiplied (`GRU` with `linear_before_reset` 0) counts as it was before.
struct RecurrentRounder {
    let technique: any LayerwiseTechnique
    let source: any SampleSource
    let rows: Range<Int>
    let threads: Int

    /// A weight with the value whose moments count.
    private struct Part {
        let weight: String
        let value: String
        /// Whether the value is a sequence of states, which has an axis of directions.
        let isState: Bool
    }

    private static let pieces = 8
    /// Vectors that are enough for each input of a weight.
    private static let mostVectors = 65_536

    /// Rounds those of the `chosen` weights of the main graph that such a layer alone reads; answers their forms.
    ///
    /// - Throws: What runtime and data throw; `CompressionError` for activations that are not finite.
    func round(_ chosen: Set<String>, of model: Model) async throws -> [String: GroupedIntegers] {
        var looked = model
        let parts = RecurrentRounder.parts(&looked.graph, chosen)
        guard !parts.isEmpty else { return [:] }
        let moments = try await moments(of: parts, in: looked)
        var forms: [String: GroupedIntegers] = [:]
        for part in parts {
            guard let tensor = model.graph.weights[part.weight]?.dense, let seen = moments[part.weight],
                seen.allSatisfy({ $0.count > 0 })
            else { continue }
            forms[part.weight] = try await form(of: tensor, named: part.weight, seen)
        }
        return forms
    }

    /// The weights with their values; states that the graph does not name get a name.
    private static func parts(_ graph: inout Graph, _ chosen: Set<String>) -> [Part] {
        let index = GraphIndex(graph)
        var names = NameSource(taken: graph.allNames), parts: [Part] = []
        for position in graph.nodes.indices {
            let node = graph.nodes[position]
            guard node.isStandard(oneOf: ["LSTM", "GRU", "RNN"]), node.integer("layout", default: 0) == 0,
                node.inputs.count > 2
            else { continue }
            for input in 1...2 {
                let weight = node.inputs[input]
                guard chosen.contains(weight), index.readers[weight]?.count == 1, !index.captured.contains(weight),
                    graph.weights[weight]?.shape.rank == 3
                else { continue }
                if input == 2, graph.nodes[position].outputs.first?.isEmpty ?? true {
                    graph.nodes[position].outputs =
                        [names.make(node.label, "_states")] + graph.nodes[position].outputs.dropFirst()
                }
                let value = input == 1 ? node.inputs[0] : graph.nodes[position].outputs[0]
                parts.append(Part(weight: weight, value: value, isState: input == 2))
            }
        }
        return parts
    }

    // MARK: Moments

    /// Moments of each part's value by its weight, one for each direction.
    private func moments(of parts: [Part], in model: Model) async throws -> [String: [SecondMoments]] {
        let inputs = Set(model.graph.inputs.map(\.name))
        let values = Set(parts.map(\.value)).subtracting(inputs).sorted()
        let leading = try model.leading(to: values + source.carried.values)
        let session = try Session(bytes: try ONNXWriter.encode(leading), name: "states")
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0)
            .limited()
        let runner = BatchRunner(source: source, plan: plan), shapes = model.graph.weights, share = rows.count
        let pieces = try await Parallel.map(
            source.pieces(of: rows, batch: plan.size, count: Self.pieces), threads: threads
        ) { piece in
            var sums: [String: [SecondMoments]] = [:]
            try runner.run([session], outputs: [values], over: piece) { batch in
                let most = max(Self.mostVectors * batch.rows.count / max(share, 1), 1)
                for part in parts {
                    guard let value = batch.outputs[0][part.value] ?? batch.inputs[part.value],
                        let shape = shapes[part.weight]?.shape
                    else { continue }
                    var seen =
                        sums[part.weight]
                        ?? (0..<shape.dimensions[0]).map { _ in SecondMoments(dimension: shape.dimensions[2]) }
                    try Self.add(value, isState: part.isState, atMost: most, to: &seen)
                    sums[part.weight] = seen
                }
            }
            return sums
        }
        return pieces.reduce(into: [:]) { all, piece in
            all.merge(piece) { left, right in
                zip(left, right).map {
                    var sum = $0
                    sum.merge($1)
                    return sum
                }
            }
        }
    }

    /// Adds vectors `[..., inputs]`, or states `[steps, directions, batch, units]`, to the moments of each direction.
    private static func add(
        _ value: Tensor, isState: Bool, atMost limit: Int, to moments: inout [SecondMoments]
    ) throws {
        let width = moments[0].dimension, lengths = value.shape.dimensions
        guard value.type == .float32, lengths.last == width,
            !isState || lengths.count == 4 && lengths[1] == moments.count
        else { return }
        let count = value.count / width, batch = isState ? lengths[2] : 1
        let step = LayerView.step(count / (isState ? moments.count : 1), limit)
        let numbers = value.elements(as: Float.self)
        for direction in moments.indices {
            var rows: [Float] = []
            for row in stride(from: 0, to: isState ? count / moments.count : count, by: step) {
                let place = isState ? (row / batch * moments.count + direction) * batch + row % batch : row
                rows += numbers[place * width..<(place + 1) * width]
            }
            try moments[direction].add(rows: rows.span)
        }
    }

    // MARK: Levels

    private func form(
        of tensor: Tensor, named name: String, _ moments: [SecondMoments]
    ) async throws -> GroupedIntegers? {
        let matrix = LayerMatrix(recurrent: tensor), damping = technique.damping > 0 ? technique.damping : nil
        let problems = try moments.enumerated().map { direction, inputs in
            try RoundingProblem(
                named: name, weights: matrix.numbers(group: direction), rows: matrix.rows, columns: matrix.columns,
                inputs: inputs, hasBias: false, damping: damping)
        }
        return try await technique.form(of: matrix, named: name, problems, takesBlocks: true, threads: threads)
    }
}
