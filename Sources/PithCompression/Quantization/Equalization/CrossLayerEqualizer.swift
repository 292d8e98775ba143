import Foundation
import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Moves factors of channels from one layer into the next, so that the channels of a weight or of an activation need
/// the same levels.
///
/// `f(W2 g(W1 x + b)) = f((W2 S) g(W1/S x + b/S))` for every `g` with `g(s x) = s g(x)`: ReLU, LeakyReLU, PReLU, pools, padding
/// with zeros. Pairs of `Conv` (depthwise too), `Gemm` and `MatMul` are found through these, the weight of each its own and the value
/// between them read once; several rounds go over all pairs until nothing moves.
///
/// A clip at an upper bound (ReLU6) lets no factor pass. Where calibration data never comes near the bound it becomes a
/// ReLU; otherwise the pair is left as it is, and told. With `powersOfTwo` the model computes what it did, bit for bit but for
/// numbers near the smallest of all; without, up to rounding.
///
/// - Complexity: O(weights) for each round, and one run over the calibration rows where activations or clips ask for it.
/// - Reference: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", ICCV 2019,
///   arXiv:1906.04721, section 4.1; for activations Xiao et al., arXiv:2211.10438.
/// - Deviation: factors within `limit` of 1; clips are replaced only where data shows that they do nothing; biases
///   that grow large are not absorbed, since calibration sees their ranges. Where weights have a scale for each output, balanced
///   weights gain little: `activations` then balances what has one scale, the value between the layers.
public struct CrossLayerEqualizer: Technique {
    public static let name = "migrate.equalize"

    /// What is made alike.
    public enum Balance: String, Codable, Sendable, CaseIterable {
        /// The largest weights of both layers, as the paper does; needs no data.
        case weights
        /// The largest magnitudes of the value between them; weights without data.
        case activations
    }

    public var balance = Balance.activations
    /// How far activations are balanced at the cost of the weights that read them, 0 to 1; depthwise layers pay nothing.
    public var strength = 0.5
    /// Whether factors are powers of two, so that no result changes; others fit better, and results change by rounding.
    public var powersOfTwo = false
    /// How far a factor may lie from 1, either way.
    public var limit = 16.0
    /// How near calibration data may come to the bound of a clip that is replaced, as a part of the bound.
    public var clipMargin = 0.9
    /// Calibration rows used at most; the last quarter of them is held out for stages that measure candidates.
    public var calibrationRows = 512

    public init() {}

    public func validate() throws(CompressionError) {
        guard (0...1).contains(strength) else {
            throw Self.invalid("strength", "\(strength) lies outside 0...1.", remedy: "Use 0.5.")
        }
        guard limit > 1, limit <= 65_536 else {
            throw Self.invalid("limit", "\(limit) lies outside 1...65536, or is 1.", remedy: "Use 8 to 64.")
        }
        guard (0...1).contains(clipMargin) else {
            throw Self.invalid("clipMargin", "\(clipMargin) lies outside 0...1.", remedy: "Use 0.9, or 0 for no clip.")
        }
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 1000.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let graph = piece.model.graph, index = GraphIndex(graph)
        let matrices = graph.nodes.indices.compactMap { position -> ChannelMatrix? in
            guard let matrix = ChannelMatrix(position, in: graph, index),
                context.selector.accepts(graph.nodes[position], weight: graph.weights[matrix.weight])
            else { return nil }
            return matrix
        }
        var pairs = EqualizationPair.all(in: graph, index, matrices)
        guard !pairs.isEmpty else { return }
        let seen = try peaks(of: piece.model, pairs, matrices, context)
        pairs = unclipped(pairs, matrices, seen, &piece)
        var strength: Double? = balance == .activations ? self.strength : nil
        if strength != nil, seen == nil {
            piece.note("Equalization balances weights: without calibration data activations are not known.")
            strength = nil
        }
        if strength != nil {
            pairs = pairs.filter { seen?[$0.value]?.count == matrices[$0.first].outputs * $0.repeats }
        }
        let found = ChannelBalance(
            matrices: matrices, pairs: pairs, strength: strength,
            peaks: pairs.map { CrossLayerEqualizer.grouped(seen?[$0.value] ?? [], by: $0.repeats) }, limit: limit)
        let (raw, rounds) = found.factors()
        let factors = powersOfTwo ? raw.map { $0.map { exp2(log2($0).rounded()) } } : raw
        change(&piece, found, factors)
        piece.note(
            "\(pairs.count) pairs of layers equalized by \(strength == nil ? "weights" : "activations") in \(rounds) rounds."
        )
    }

    /// Largest magnitudes of the values between layers and behind clips; nil without data.
    private func peaks(
        of model: Model, _ pairs: [EqualizationPair], _ matrices: [ChannelMatrix], _ context: StageContext
    ) throws -> [String: [Float]]? {
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else { return nil }
        var axes: [String: Int] = [:]
        for pair in pairs where balance == .activations || !pair.clips.isEmpty {
            // What was flattened or made by a product has its channels in the last axis.
            let isFlat = !matrices[pair.second].isConvolution
            let axis = matrices[pair.first].isConvolution ? 1 : -1
            axes[pair.value] = isFlat ? -1 : 1
            for clip in pair.clips { axes[clip.output] = axis }
        }
        context.progress("looking at \(axes.count) activations")
        let first = dataset.calibrationRows.lowerBound
        let rows = first..<min(dataset.calibrationRows.upperBound, first + calibrationRows)
        return try ChannelMaxima(model, values: axes.keys.sorted(), axes: axes, source: FidelitySource(dataset))
            .measure(rows: StaticSearch.split(rows).seen)
    }

    /// The pairs without clips that data runs into; the clips of the others become ReLUs.
    private func unclipped(
        _ pairs: [EqualizationPair], _ matrices: [ChannelMatrix], _ seen: [String: [Float]]?, _ piece: inout Workpiece
    ) -> [EqualizationPair] {
        var left: [String] = [], replaced = 0
        let kept = pairs.filter { pair in
            let isFree = pair.clips.allSatisfy { clip in
                guard let largest = seen?[clip.output]?.max() else { return false }
                return largest <= clip.bound * Float(clipMargin)
            }
            if !isFree { left.append(matrices[pair.first].label) }
            return isFree
        }
        for pair in kept {
            for clip in pair.clips {
                let node = piece.model.graph.nodes[clip.node]
                piece.model.graph.nodes[clip.node] = Node(
                    "Relu", inputs: [node.inputs[0]], outputs: node.outputs, name: node.name)
                replaced += 1
                let index = GraphIndex(piece.model.graph)
                for name in node.inputs.dropFirst() where piece.model.graph.weights[name] != nil && !index.isRead(name)
                {
                    piece.model.graph.weights[name] = nil
                    piece.trace.recordRemoval(of: name, note: "the bound of a clip that became a ReLU")
                }
            }
        }
        if replaced > 0 {
            piece.note("\(replaced) clips became ReLUs: calibration data stays below \(clipMargin) of their bounds.")
        }
        if !left.isEmpty {
            let why = seen == nil ? "without data it is not known whether a clip matters" : "a clip acts on its outputs"
            piece.note(
                "\(left.count) pairs of layers are not equalized, as \(why): after \(left.joined(separator: ", ")).")
        }
        return kept
    }

    private func change(_ piece: inout Workpiece, _ found: ChannelBalance, _ factors: [[Double]]) {
        var names = NameSource(taken: piece.model.graph.allNames)
        for place in found.matrices.indices {
            let matrix = found.matrices[place], sides = found.sides(of: place, factors)
            guard sides.outputs.contains(where: { $0 != 1 }) || sides.inputs.contains(where: { $0 != 1 }) else {
                continue
            }
            piece.model.graph.weights[matrix.weight]?.form = .dense(
                matrix.scaled(outputs: sides.outputs, inputs: sides.inputs))
            piece.trace.record(
                [matrix.weight], into: [matrix.weight],
                note: "channels of \(matrix.label) equalized with its neighbours'")
            let summand = found.pairs.first { $0.first == place }?.summand
            if let bias = matrix.bias ?? summand, sides.outputs.contains(where: { $0 != 1 }) {
                divide(bias, of: matrix, by: sides.outputs, &piece, &names)
            }
        }
    }

    /// Multiplies a bias by `factors`; one that others read too is copied.
    private func divide(
        _ bias: String, of matrix: ChannelMatrix, by factors: [Double], _ piece: inout Workpiece,
        _ names: inout NameSource
    ) {
        guard let tensor = piece.model.graph.weights[bias]?.dense else { return }
        let numbers = zip(tensor.elements(as: Float.self), factors).map { Float(Double($0) * $1) }
        let changed = Tensor(numbers, shape: tensor.shape), index = GraphIndex(piece.model.graph)
        let note = "divided like the channels of \(matrix.label)"
        if ChannelMatrix.isOwn(bias, piece.model.graph, index) {
            piece.model.graph.weights[bias]?.form = .dense(changed)
            piece.trace.record([bias], into: [bias], note: note)
        } else {
            let name = names.make(bias, "_equalized")
            piece.model.graph.weights[name] = Weight(name, changed)
            piece.model.graph.nodes[matrix.node].inputs[2] = name
            piece.trace.record([bias], into: [name], note: note)
        }
    }

    private static func grouped(_ peaks: [Float], by repeats: Int) -> [Float] {
        stride(from: 0, to: peaks.count, by: repeats).map { peaks[$0..<min($0 + repeats, peaks.count)].max() ?? 0 }
    }
}
