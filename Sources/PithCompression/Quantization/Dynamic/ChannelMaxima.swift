import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// The largest magnitude of each channel of chosen activations over calibration rows.
///
/// - Complexity: one run over the rows; memory independent of their number.
struct ChannelMaxima {
    private let session: Session
    private let values: [String]
    private let axes: [String: Int]
    private let source: any SampleSource

    private static let pieces = 8

    /// Prepares to look at `values` of the main graph of `model`; channels lie along the last axis where `axes` names no other.
    ///
    /// - Throws: What the runtime throws.
    init(_ model: Model, values: [String], axes: [String: Int] = [:], source: any SampleSource) throws {
        self.values = values
        self.axes = axes
        self.source = source
        session = try Session(bytes: try ONNXWriter.encode(model.exposing(values)), name: "calibration")
    }

    /// Maxima by value; those are left out whose channels differ from run to run or that are not finite throughout.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func measure(rows: Range<Int>, threads: Int) async throws -> [String: [Float]] {
        guard !values.isEmpty, !rows.isEmpty else { return [:] }
        let plan = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0).limited()
        let runner = BatchRunner(source: source, plan: plan)
        let parts = try await Parallel.map(
            source.pieces(of: rows, batch: plan.size, count: ChannelMaxima.pieces), threads: threads
        ) { piece in
            var maxima: [String: [Float]] = [:], broken: Set<String> = []
            try runner.run([session], outputs: [values], over: piece) { batch in
                for (name, tensor) in batch.outputs[0]
                where !ChannelMaxima.add(tensor, axis: axes[name] ?? -1, to: &maxima[name, default: []]) {
                    broken.insert(name)
                }
            }
            return maxima.filter { !broken.contains($0.key) }
        }
        return parts.dropFirst().reduce(parts.first ?? [:]) { all, part in
            all.reduce(into: [:]) { joined, entry in
                guard let other = part[entry.key], other.count == entry.value.count else { return }
                joined[entry.key] = zip(entry.value, other).map { max($0, $1) }
            }
        }
    }

    /// Widens the maxima to those of `tensor`; answers whether it has the same channels and finite values.
    private static func add(_ tensor: Tensor, axis: Int, to maxima: inout [Float]) -> Bool {
        guard tensor.type == .float32, let axis = tensor.shape.resolved(axis: axis) else { return false }
        let (_, channels, inner) = tensor.shape.strides(around: axis)
        if maxima.isEmpty { maxima = [Float](repeating: 0, count: channels) }
        guard maxima.count == channels else { return false }
        return tensor.withElements(as: Float.self) { values in
            guard Kernels.range(of: values).nonFinite == 0 else { return false }
            guard inner > 1 else {
                for start in stride(from: 0, to: values.count, by: max(channels, 1)) {
                    Kernels.absoluteMaximum(ofColumns: values.extracting(start..<start + channels), into: &maxima)
                }
                return true
            }
            for (row, start) in stride(from: 0, to: values.count, by: inner).enumerated() {
                guard let bounds = Kernels.range(of: values.extracting(start..<start + inner)).bounds else { continue }
                maxima[row % channels] = max(maxima[row % channels], -bounds.lowerBound, bounds.upperBound)
            }
            return true
        }
    }
}
