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
/// The rows are cut into parts whose number does not depend on the number of threads, so the moments do not either.
///
/// - Complexity: one run over the rows; 8 parts of O(channels²) memory for each activation.
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
        let runner = BatchRunner(source: source, plan: plan), count = rows.count
        let parts = try await Parallel.map(
            source.pieces(of: rows, batch: plan.size, count: Self.pieces), threads: threads
        ) { piece in
            var found: [ActivationMoments?] = values.map { ActivationMoments(channels: $0.channels) }
            try runner.run([session], outputs: [names], over: piece) { batch in
                let mask = TokenMask(batch.inputs)
                for (place, value) in values.enumerated() {
                    let most = Self.vectorsPerChannel * value.channels * batch.rows.count / count
                    let tensor = batch.outputs[0][value.name]
                    let rows = tensor.flatMap { Self.rows(of: $0, value.channels, mask, atMost: max(most, 1)) }
                    guard let rows, (try? found[place]?.add(rows)) != nil else {
                        found[place] = nil
                        continue
                    }
                }
            }
            return found
        }
        var all: [String: ActivationMoments] = [:]
        for (place, name) in names.enumerated() {
            let pieces = parts.compactMap { $0[place] }
            guard pieces.count == parts.count, var sum = pieces.first else { continue }
            for piece in pieces.dropFirst() { sum.merge(piece) }
            all[name] = sum
        }
        return all
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
