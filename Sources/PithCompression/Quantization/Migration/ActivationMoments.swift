import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// What is known of the channels (the last axis) of an activation after a run over data.
struct ActivationMoments: Sendable {
    /// Sums of products of channels.
    private(set) var products: SecondMoments
    private var magnitudes: [Double]

    /// Nothing seen yet.
    init(channels: Int) {
        products = SecondMoments(dimension: channels)
        magnitudes = [Double](repeating: 0, count: channels)
    }

    /// The mean magnitude of each channel; zero before the first row.
    var meanMagnitudes: [Double] { magnitudes.map { $0 / Double(max(products.count, 1)) } }

    /// Adds rows of channels that lie one after the other.
    ///
    /// - Throws: `CompressionError` `.invalidData` when a number is not finite.
    fileprivate mutating func add(_ rows: [Float]) throws(CompressionError) {
        try products.add(rows: rows.span)
        for start in stride(from: 0, to: rows.count, by: magnitudes.count) {
            for channel in magnitudes.indices { magnitudes[channel] += Double(abs(rows[start + channel])) }
        }
    }

    fileprivate mutating func merge(_ other: ActivationMoments) {
        products.merge(other.products)
        for channel in magnitudes.indices { magnitudes[channel] += other.magnitudes[channel] }
    }
}

/// Gathers the moments of activations over calibration rows, padding left out.
///
/// The rows are cut into pieces whose number does not depend on the number of threads, and pieces are added in their order,
/// so the moments do not depend on it either. A piece is added as soon as those that run beside it are done.
///
/// - Complexity: one run over the rows; memory as ``MomentBudget`` says.
struct ActivationMomentCollector: Sendable {
    let source: any SampleSource
    let rows: Range<Int>
    let threads: Int

    private static let pieces = 8
    /// Vectors for each channel of an activation that are enough, in all.
    private static let vectorsPerChannel = 32

    /// The moments of `values` of the main graph, each with its number of channels; activations that are not finite, or
    /// have other channels than that, are left out.
    ///
    /// - Throws: What the runtime and the data throw; `CancellationError`.
    func collect(_ values: [(name: String, channels: Int)], of model: Model) async throws -> [String: ActivationMoments]
    {
        guard !values.isEmpty, !rows.isEmpty else { return [:] }
        let names = values.map(\.name)
        let session = try Session(bytes: try ONNXWriter.encode(model.exposing(names)), name: "calibration")
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0).limited()
        let runner = BatchRunner(source: source, plan: plan)
        let pieces = source.pieces(of: rows, batch: plan.size, count: Self.pieces)
        let atOnce = MomentBudget.piecesAtOnce(values.map(\.channels), threads: threads)
        var sums: [ActivationMoments?] = values.map { ActivationMoments(channels: $0.channels) }
        for start in stride(from: 0, to: pieces.count, by: atOnce) {
            let wave = Array(pieces[start..<min(start + atOnce, pieces.count)])
            let found = try await Parallel.map(wave, threads: threads) { piece in
                try moments(of: values, over: piece, session, runner)
            }
            for piece in found {
                for (place, part) in piece.enumerated() {
                    if let part { sums[place]?.merge(part) } else { sums[place] = nil }
                }
            }
        }
        return Dictionary(zip(names, sums).compactMap { name, sum in sum.map { (name, $0) } }) { first, _ in first }
    }

    /// The moments over one piece of the rows; nil for activations that are not finite or have other channels.
    private func moments(
        of values: [(name: String, channels: Int)], over piece: Range<Int>, _ session: Session, _ runner: BatchRunner
    ) throws -> [ActivationMoments?] {
        var found: [ActivationMoments?] = values.map { ActivationMoments(channels: $0.channels) }
        try runner.run([session], outputs: [values.map(\.name)], over: piece) { batch in
            let mask = TokenMask(batch.inputs)
            for (place, value) in values.enumerated() {
                let most = Self.vectorsPerChannel * value.channels * batch.rows.count / rows.count
                let tensor = batch.outputs[0][value.name]
                let vectors = tensor.flatMap { Self.rows(of: $0, value.channels, mask, atMost: max(most, 1)) }
                guard let vectors, (try? found[place]?.add(vectors)) != nil else {
                    found[place] = nil
                    continue
                }
            }
        }
        return found
    }

    /// At most about `limit` of the vectors of a tensor; nil where its last axis are other channels.
    private static func rows(of tensor: Tensor, _ channels: Int, _ mask: TokenMask?, atMost limit: Int) -> [Float]? {
        guard tensor.type == .float32, tensor.shape.dimensions.last == channels else { return nil }
        let all = tensor.elements(as: Float.self), tokens = mask?.chosen(all, width: channels) ?? all
        let count = tokens.count / channels, step = LayerView.step(count, limit)
        guard step > 1 else { return tokens }
        return stride(from: 0, to: count, by: step).flatMap { tokens[$0 * channels..<($0 + 1) * channels] }
    }
}
