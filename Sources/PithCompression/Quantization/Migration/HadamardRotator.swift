import PithModel
import PithTensor

/// Random Hadamard rotations merged into weights, so that no channel stands out when they are rounded.
///
/// The channels of a transformer's residual stream are rotated, and those of each attention head. No node is added, and in
/// float the model computes what it did.
///
/// | rotated | what is merged | where |
/// | --- | --- | --- |
/// | residual stream | `W Q` into embeddings and layers that write it, `Qᵀ diag(g) W` into those that read it behind a normalization with gain `g`, which becomes 1 | values joined by `Add` whose makers are layers and embeddings and whose readers are normalizations and layers (`StreamTracer` has the rules) |
/// | heads | `W_v Q` into the values, `Qᵀ W_o` into the product behind the attention, head by head | values that attention carries over unmixed (`HeadPath`) |
///
/// With `LayerNormalization`, written out or not, the rotation also keeps the mean of each row (`HadamardRotation`), so nothing
/// need be folded away. A stream to which normalized values are added (normalization behind the sum) is not rotated: a gain
/// for each channel and a rotation can not change places. Neither is one whose embedding also serves as the output head,
/// stored once, unless the gain of the last normalization is the same for all channels. The reason stands in the notes.
///
/// - Error bound: each weight is computed in double precision and rounded once; outputs agree to 100 dB and better.
/// - Complexity: O(elements of the weights · logarithm of the channels).
/// - Reference: Ashkboos et al., "QuaRot: Outlier-Free 4-Bit Inference in Rotated LLMs", arXiv:2404.00456, section 4; Liu et
///   al., "SpinQuant", arXiv:2405.16406 (R1 and R2).
/// - Deviation: what QuaRot does at run time (rotations of keys, of the gated product, of activations) needs nodes of its own
///   and is left out, as rounding weights does not ask for it.
public struct HadamardRotator: Technique {
    public static let name = "rotate.hadamard"

    /// Whether residual streams are rotated.
    public var residual = true
    /// Whether the values of attention heads are rotated.
    public var heads = true

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        if residual { rotateStreams(of: &piece, in: context) }
        if heads { try rotateHeads(of: &piece, in: context) }
    }

    // MARK: Residual streams

    private func rotateStreams(of piece: inout Workpiece, in context: StageContext) {
        let graph = piece.model.graph, streams = ResidualStream.all(in: graph, ConstantReaders(graph))
        guard !streams.isEmpty else {
            return piece.note("No residual stream is rotated: nothing here is normalized over its last axis.")
        }
        var reasons: [String] = []
        for (number, found) in streams.enumerated() {
            do throws(ResidualStream.Obstacle) {
                let stream = try found.get()
                let seed = context.seed &+ UInt64(number) &* HadamardRotator.seedStep
                let summary = try rotate(stream, seed: seed, in: &piece, context.selector)
                let means = stream.keepsMeans ? ", means kept" : ""
                piece.note(
                    "A residual stream of \(stream.width) channels with \(stream.normalizations) normalizations is rotated "
                        + "(\(summary)\(means)).")
            } catch {
                reasons.append(error.text)
            }
        }
        guard let reason = reasons.first else { return }
        let more = reasons.count > 1 ? " (and \(reasons.count - 1) more)" : ""
        piece.note("A residual stream is not rotated: \(reason)\(more).")
    }

    /// Seeds of rotations lie this far apart.
    private static let seedStep: UInt64 = 0x9e37_79b9_7f4a_7c15

    private func rotate(
        _ stream: ResidualStream, seed: UInt64, in piece: inout Workpiece, _ selector: Selector
    ) throws(ResidualStream.Obstacle) -> String {
        typealias Obstacle = ResidualStream.Obstacle
        guard let rotation = HadamardRotation(count: stream.width, seed: seed, keepsMeans: stream.keepsMeans) else {
            throw Obstacle(text: "\(stream.width) channels have no two halves")
        }
        let graph = piece.model.graph
        var plan = ConstantPlan(graph, ConstantReaders(graph))
        guard stream.rotate(by: rotation, in: &plan) else {
            throw Obstacle(text: "its constants have other channels than it")
        }
        if let matrix = plan.obstacle {
            throw Obstacle(
                text:
                    "'\(matrix)' is read in two ways, as by an embedding that is also the output head behind a gain of "
                    + "its own (rotate before `share.transposed` to have it stored twice)")
        }
        if let name = plan.leftOut(by: selector) { throw Obstacle(text: "the recipe leaves '\(name)' out") }
        guard plan.carryOut(on: &piece, note: "rotated with the residual stream (\(Self.name))", by: Self.name) else {
            throw Obstacle(text: "its weights would not be finite")
        }
        return rotation.summary
    }

    // MARK: Heads

    private func rotateHeads(of piece: inout Workpiece, in context: StageContext) throws {
        let model = piece.model, readers = ConstantReaders(model.graph), index = GraphIndex(model.graph)
        let facts = ShapeInference(scope: GraphScope(of: model)).facts(of: model.graph)
        var summaries: [String] = [], count = 0
        for group in ProductGroup.all(in: model.graph, readers) where group.isComplete {
            try Task.checkCancellation()
            guard let path = HeadPath(to: group.value, in: model.graph, index, facts) else { continue }
            let seed = context.seed &+ UInt64(count) &* HadamardRotator.seedStep &+ 1
            guard let rotation = rotate(group, path, seed: seed, in: &piece, context.selector) else { continue }
            count += 1
            if summaries.last != rotation.summary { summaries.append(rotation.summary) }
        }
        piece.note(
            count == 0
                ? "No attention heads are rotated: none were found whose values go to one product unmixed."
                : "The heads of \(count) attention layers are rotated (\(summaries.joined(separator: "; "))).")
    }

    /// Rotates the heads of one layer; nil, with nothing changed, where a constant on the way does not allow it.
    private func rotate(
        _ group: ProductGroup, _ path: HeadPath, seed: UInt64, in piece: inout Workpiece, _ selector: Selector
    ) -> HadamardRotation? {
        guard let width = path.heads.first?.sources.count, path.heads.allSatisfy({ $0.sources.count == width }),
            let rotation = HadamardRotation(count: width, seed: seed)
        else { return nil }
        let graph = piece.model.graph, readers = ConstantReaders(graph)
        guard
            let sink = ScaleSink(layerOf: path.source, channels: path.sourceChannels, in: graph, readers)
        else { return nil }
        var plan = ConstantPlan(graph, readers), blocks: [[Int]] = []
        for head in path.heads where !blocks.contains(head.sources) { blocks.append(head.sources) }
        let values = ChannelTransform(rotating: rotation, blocks: blocks, of: path.sourceChannels)
        let results = ChannelTransform(
            rotating: rotation, blocks: path.heads.map(\.results), of: group.channels)
        let areAdded =
            sink.targets.allSatisfy { plan.add(values, at: $0.place, axis: $0.axis) }
            && group.products.allSatisfy { product in
                let axis = ProductGroup.inputAxis(of: graph.nodes[product.place.node])
                return axis.map { plan.add(results, at: product.place, axis: $0) } ?? false
            }
        guard areAdded, plan.obstacle == nil, plan.leftOut(by: selector) == nil,
            plan.carryOut(on: &piece, note: "rotated head by head (\(Self.name))", by: Self.name)
        else { return nil }
        return rotation
    }
}
