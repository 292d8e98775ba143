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
/// numbers near the smallest or the largest of all; without, up to rounding. Both hold where no clip was replaced, and elsewhere
/// for inputs that stay below its bound. Pairs of which a number would not be finite are left as they are, and told.
///
/// - Complexity: O(weights) for each round, and one run over the calibration rows where activations or clips ask for it; `measured`
///   calibrates twice and runs two candidates over the rows.
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

    /// When the layers stay equalized.
    public enum Choice: String, Codable, Sendable, CaseIterable {
        case always
        /// Where ``StaticQuantizer`` errs less with them, and integers are not slower than float: measured on calibration rows,
        /// those held out where these are many, with every layer in integers but the first convolution.
        case measured
    }

    public var balance = Balance.activations
    /// When the layers stay equalized; without calibration data nothing can be measured, and nothing is moved.
    public var choice = Choice.always
    /// How far activations are balanced at the cost of the weights that read them, 0 to 1; depthwise layers pay nothing.
    public var strength = 0.5
    /// Whether factors are powers of two, so that no result changes but by clips that are replaced; others fit better, and
    /// results change by rounding.
    public var powersOfTwo = false
    /// How far a factor may lie from 1, either way; with `powersOfTwo`, below 2 nothing is moved.
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
        guard choice == .measured else {
            _ = try await equalize(&piece, context)
            return
        }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            return piece.note("No layers are equalized: without calibration data it is not known what that brings.")
        }
        var settings = StaticQuantizer(), equalized = piece
        settings.calibrationRows = calibrationRows
        let search = try StaticSearch(settings: settings, context: context, dataset: dataset)
        guard try await equalize(&equalized, context) else {
            piece = equalized
            return
        }
        do throws(CompressionError) {
            var upgraded = piece.model
            try OpsetUpgrader.upgrade(&upgraded, to: StaticSearch.operatorSet)
        } catch {
            return piece.note("No layers are equalized: \(error.description)")
        }
        context.progress("measuring integers with \(Self.name) and without")
        guard let before = try await search.integers(of: piece), let after = try await search.integers(of: equalized)
        else {
            return piece.note("No layers are equalized: no layer of this model has an integer kernel.")
        }
        let figures = (before: before.sqnrDB.formatted(digits: 1), after: after.sqnrDB.formatted(digits: 1))
        guard after.sqnrDB - before.sqnrDB >= CrossLayerEqualizer.leastGain else {
            return piece.note(
                "No layers are equalized: integers give \(figures.before) dB without, \(figures.after) dB with it.")
        }
        guard try after.speedup() ?? 1 >= 1 else {
            return piece.note("No layers are equalized: integers are slower than float on this machine.")
        }
        piece = equalized
        piece.note("That brings integers from \(figures.before) to \(figures.after) dB on calibration rows.")
    }

    /// What equalized layers have to gain under `measured`, in dB.
    private static let leastGain = 0.2

    /// Equalizes what can be; answers whether anything is changed.
    private func equalize(_ piece: inout Workpiece, _ context: StageContext) async throws -> Bool {
        let (matrices, all) = pairs(in: &piece, context.selector)
        guard !all.isEmpty else { return false }
        let seen = try await peaks(of: piece.model, all, matrices, context)
        if balance == .activations, seen == nil {
            piece.note("Equalization balances weights: without calibration data activations are not known.")
        }
        let strength = balance == .activations && seen != nil ? self.strength : nil
        let measured = strength == nil ? all : measured(all, matrices, seen ?? [:], &piece)
        let pairs = unclipped(measured, matrices, seen, &piece)
        guard !pairs.isEmpty else { return false }
        let balance = ChannelBalance(
            matrices: matrices, pairs: pairs, strength: strength,
            peaks: pairs.map { CrossLayerEqualizer.grouped(seen?[$0.value] ?? [], by: $0.repeats) }, limit: limit)
        let (raw, rounds) = balance.factors()
        let factors = powersOfTwo ? raw.map { $0.map { ChannelBalance.powerOfTwo(near: $0, within: limit) } } : raw
        let layers = EqualizedLayers(balance, factors, in: piece.model.graph)
        let clips = layers.carryOut(on: &piece)
        if clips > 0 {
            piece.note("\(clips) clips became ReLUs: calibration data stays below \(clipMargin) of their bounds.")
        }
        return tell(of: layers, in: rounds, &piece) || clips > 0
    }

    /// The layers and their pairs, as far as the recipe chooses them; a note where there are none.
    private func pairs(
        in piece: inout Workpiece, _ selector: Selector
    ) -> (matrices: [ChannelMatrix], pairs: [EqualizationPair]) {
        let graph = piece.model.graph, index = GraphIndex(graph)
        let layers = graph.nodes.indices.compactMap { ChannelMatrix($0, in: graph, index) }
        let matrices = layers.filter { selector.accepts(graph.nodes[$0.node], weight: graph.weights[$0.weight]) }
        let pairs = EqualizationPair.all(in: graph, index, matrices).filter { pair in
            !pair.companions(in: graph, index, matrices).contains(where: selector.exclude.contains)
        }
        if pairs.isEmpty {
            let isLeftOut = !EqualizationPair.all(in: graph, index, layers).isEmpty
            piece.note(
                isLeftOut
                    ? "No layers are equalized: the recipe leaves out one of each pair, or its bias."
                    : "No layers are equalized: none alone reads what another makes, through operators that factors pass."
            )
        }
        return (matrices, pairs)
    }

    /// Says how many pairs are equalized, and which can not be; answers whether any are.
    private func tell(of layers: EqualizedLayers, in rounds: Int, _ piece: inout Workpiece) -> Bool {
        let balance = layers.balance
        if !layers.overflowing.isEmpty {
            let names = layers.overflowing.map { balance.matrices[balance.pairs[$0].first].label }
            piece.note(
                "\(names.count) pairs of layers are not equalized, as numbers would not be finite: after "
                    + "\(names.joined(separator: ", ")).")
        }
        let count = layers.factors.count { $0.contains { $0 != 1 } }
        guard count > 0 else {
            if layers.overflowing.isEmpty { piece.note("No layers are equalized: every factor would be 1.") }
            return false
        }
        let what = balance.strength == nil ? "weights" : "activations"
        piece.note("\(count) pairs of layers equalized by \(what) in \(rounds) rounds.")
        return true
    }

    // MARK: Activations

    /// Largest magnitudes of the values between layers and behind clips; nil without data.
    private func peaks(
        of model: Model, _ pairs: [EqualizationPair], _ matrices: [ChannelMatrix], _ context: StageContext
    ) async throws -> [String: [Float]]? {
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
        return try await ChannelMaxima(model, values: axes.keys.sorted(), axes: axes, source: FidelitySource(dataset))
            .measure(rows: StaticSearch.split(rows).seen, threads: context.threads)
    }

    /// The pairs of which the value between is finite on data and has the channels of its layers.
    private func measured(
        _ pairs: [EqualizationPair], _ matrices: [ChannelMatrix], _ seen: [String: [Float]], _ piece: inout Workpiece
    ) -> [EqualizationPair] {
        func isMeasured(_ pair: EqualizationPair) -> Bool {
            seen[pair.value]?.count == matrices[pair.first].outputs * pair.repeats
        }
        let left = pairs.filter { !isMeasured($0) }.map { matrices[$0.first].label }
        if !left.isEmpty {
            piece.note(
                "\(left.count) pairs of layers are not equalized, as calibration data makes values of them that are not "
                    + "finite, or have other channels: after \(left.joined(separator: ", ")).")
        }
        return pairs.filter(isMeasured)
    }

    /// The pairs without clips that data runs into.
    private func unclipped(
        _ pairs: [EqualizationPair], _ matrices: [ChannelMatrix], _ seen: [String: [Float]]?, _ piece: inout Workpiece
    ) -> [EqualizationPair] {
        func isFree(_ pair: EqualizationPair) -> Bool {
            pair.clips.allSatisfy { clip in
                guard let largest = seen?[clip.output]?.max() else { return false }
                return largest <= clip.bound * Float(clipMargin)
            }
        }
        let left = pairs.filter { !isFree($0) }.map { matrices[$0.first].label }
        if !left.isEmpty {
            let why = seen == nil ? "without data it is not known whether a clip matters" : "a clip acts on its outputs"
            piece.note(
                "\(left.count) pairs of layers are not equalized, as \(why): after \(left.joined(separator: ", ")).")
        }
        return pairs.filter(isFree)
    }

    private static func grouped(_ peaks: [Float], by repeats: Int) -> [Float] {
        stride(from: 0, to: peaks.count, by: repeats).map { peaks[$0..<min($0 + repeats, peaks.count)].max() ?? 0 }
    }
}
