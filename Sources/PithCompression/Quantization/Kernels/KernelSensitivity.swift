import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// What a kernel does to the model's outputs in place of one weight's products, everything else as it is.
///
/// Every product stands twice: as it is, `y`, and as the kernel computes it, `k(y)`; what follows reads `y + g (k(y) - y)`
/// with a gate `g`, 0 or 1, that is an input of the graph. So one session measures every weight by its effect on the whole
/// model.
struct KernelSensitivity {
    private let open: OpenModel
    /// The gate of each weight.
    private let gates: [String]

    /// Rows that are looked at, at most and at least; large models are measured on fewer.
    private static let mostRows = 12, fewestRows = 4
    /// Numbers of an input that are enough, beyond the fewest rows: a row of a language model has hundreds of tokens.
    private static let enoughNumbers = 512
    /// Parameters times rows times weights that are enough.
    private static let enoughWork = 10_000_000_000
    /// Outputs of the reference kept in memory, at most.
    private static let mostBytes = 64 << 20

    /// Prepares to compute products of `weights`, of the main graph of `model`, by their kernels.
    ///
    /// - Throws: What writer and runtime throw.
    init(_ model: Model, _ weights: [KernelCandidate.Encoded]) throws {
        var model = model, names = NameSource(taken: model.graph.allNames)
        gates = weights.map { names.make($0.entry.name, "_gate") }
        var copies: [String: (copy: String, gate: String)] = [:]
        for (weight, gate) in zip(weights, gates) {
            let copy = names.make(weight.entry.name, "_kernel")
            copies[weight.entry.name] = (copy, gate)
            model.graph.weights[gate] = Weight(gate, Tensor([0 as Float], shape: .scalar))
            model.graph.weights[copy] = Weight(name: copy, form: .encoded(weight.form))
            model.graph.weights[copy]?.execution = weight.execution
        }
        var nodes: [Node] = []
        for node in model.graph.nodes {
            guard ["MatMul", "Gemm"].contains(where: node.isStandard), node.inputs.count > 1,
                let (copy, gate) = copies[node.inputs[1]], let output = node.outputs.first
            else {
                nodes.append(node)
                continue
            }
            var plain = node, kernel = node
            plain.outputs = [names.make(output, "_plain")]
            kernel.outputs = [names.make(output, "_kernel")]
            kernel.inputs[1] = copy
            kernel.name = ""
            let change = names.make(output, "_change"), gated = names.make(output, "_gated")
            nodes += [
                plain, kernel, Node("Sub", inputs: [kernel.outputs[0], plain.outputs[0]], outputs: [change]),
                Node("Mul", inputs: [change, gate], outputs: [gated]),
                Node("Add", inputs: [plain.outputs[0], gated], outputs: [output]),
            ]
        }
        model.graph.nodes = nodes
        open = try OpenModel(model, opening: gates)
    }

    /// Noise as a part of the signal, summed over the outputs, of each weight's products alone.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    /// - Complexity: a run over at most 12 rows for each weight.
    func noise(source: any SampleSource, rows: Range<Int>, parameterCount: Int, threads: Int) async throws -> [Double] {
        let work = max(parameterCount, 1) * max(gates.count, 1)
        let first = try source.inputs(rows: Array(source.sampleRows(rows).prefix(1)))
        let size = first.values.map(\.count).max() ?? 1
        let most = min(KernelSensitivity.mostRows, KernelSensitivity.enoughNumbers / max(size, 1))
        let count = max(min(KernelSensitivity.enoughWork / work, most), KernelSensitivity.fewestRows)
        let looked = rows.prefix(count)
        let evaluator = try Evaluator(source: source, reference: open, rows: looked.startIndex..<looked.endIndex)
            .keepingReferenceOutputs(upTo: KernelSensitivity.mostBytes)
        let closed = open
        return try await Parallel.map(gates, threads: threads) { gate in
            try Task.checkCancellation()
            let kernel = closed.replacing([gate: Tensor([1 as Float], shape: .scalar)])
            return try evaluator.errors(of: kernel).reduce(0) { $0 + $1.noiseToSignal }
        }
    }
}
