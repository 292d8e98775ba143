import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// The largest magnitude of each channel (the last axis) of chosen activations over calibration rows.
///
/// - Complexity: one run over the rows; memory independent of their number.
struct ChannelMaxima {
    private let session: Session
    private let values: [String]
    private let source: any SampleSource

    /// Samples in a run: all activations of a run are held at once.
    private static let largestBatch = 8

    /// Prepares to look at `values` of the main graph of `model`.
    ///
    /// - Throws: What the runtime throws.
    init(_ model: Model, values: [String], source: any SampleSource) throws {
        self.values = values
        self.source = source
        session = try Session(bytes: try ONNXWriter.encode(model.exposing(values)), name: "calibration")
    }

    /// Maxima by value; those are left out whose channels differ from run to run or that are not finite throughout.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func measure(rows: Range<Int>) throws -> [String: [Float]] {
        guard !values.isEmpty, !rows.isEmpty else { return [:] }
        let allowed = try BatchPlan(for: source, models: [session], row: source.sampleRows(rows).first ?? 0)
        let size = allowed.isFixed ? allowed.size : min(allowed.size, ChannelMaxima.largestBatch)
        var maxima: [String: [Float]] = [:], broken: Set<String> = []
        try BatchRunner(source: source, plan: BatchPlan(size: size, isFixed: allowed.isFixed)).run(
            [session], outputs: [values], over: rows
        ) { batch in
            for (name, tensor) in batch.outputs[0] {
                guard ChannelMaxima.add(tensor, to: &maxima[name, default: []]) else {
                    broken.insert(name)
                    continue
                }
            }
        }
        return maxima.filter { !broken.contains($0.key) && $0.value.allSatisfy(\.isFinite) }
    }

    /// Widens the maxima to those of `tensor`; answers whether it has the same channels and finite values.
    private static func add(_ tensor: Tensor, to maxima: inout [Float]) -> Bool {
        let channels = tensor.shape.dimensions.last ?? 1
        guard tensor.type == .float32, tensor.shape.rank > 0 else { return false }
        if maxima.isEmpty { maxima = [Float](repeating: 0, count: channels) }
        guard maxima.count == channels else { return false }
        return tensor.withElements(as: Float.self) { values in
            guard Kernels.range(of: values).nonFinite == 0 else { return false }
            for start in stride(from: 0, to: values.count, by: max(channels, 1)) {
                Kernels.absoluteMaximum(ofColumns: values.extracting(start..<start + channels), into: &maxima)
            }
            return true
        }
    }
}
