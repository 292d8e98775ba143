import PithEvaluation
import PithFormats
import PithModel
import PithRuntime

/// Kernels that use matrices and tables of 4- or 8-bit levels as they are stored, where that is sound and no slower.
///
/// Comes after the stage that rounds weights in blocks (16 to 256, along the axis that products sum over), and gives the
/// `MatMul` and plain `Gemm` that read them to ONNX Runtime's `com.microsoft.MatMulNBits`: the weights stay small in memory, and
/// nothing is unpacked at load.
///
/// | arithmetic | activations | speed |
/// | --- | --- | --- |
/// | `int8` | rounded to 8 bits, in blocks of their own | often faster than float |
/// | `float` | as they are: the same function as folded weights | mostly slower than float, save for single rows |
///
/// Both are measured on calibration rows held out (`measured`), and the faster sound one is taken; where all products together
/// err too much, those that err the least. With `minimumSpeedup: 0` speed is given for memory.
///
/// A table of 4- or 8-bit levels that only `Gather` reads is given to `com.microsoft.GatherBlockQuantized`, which decodes the rows
/// that are asked for and computes the same numbers: it is taken where that is not slower.
///
/// - Error bound: 0 for tables; none added for `float`; half a step of its block for each activation with `int8`.
/// - Complexity: a few runs over held-out calibration rows.
/// - Reference: ONNX Runtime, contrib operators, `MatMulNBits` and `GatherBlockQuantized`.
public struct BlockComputer: KernelTechnique {
    public static let name = "compute.blocks"

    /// How kernels compute.
    public enum Arithmetic: String, Codable, Sendable {
        /// The fastest that is sound.
        case measured
        case int8, float
    }

    public var arithmetic = Arithmetic.measured
    /// Weights with fewer elements are folded to floats at load.
    public var minimumCount = 4096
    /// Output SQNR on calibration rows, in dB, at which a result counts as sound.
    public var targetSQNR = 31.0
    /// How far below the same weights computed in float a result under the target may lie, in dB, and still be sound.
    public var allowedLoss = 1.0
    /// How many times faster than before a result must be.
    public var minimumSpeedup = 1.02

    private var kernels: [Weight.Execution] {
        switch arithmetic {
        case .measured: [.roundedBlocks, .blocks]
        case .int8: [.roundedBlocks]
        case .float: [.blocks]
        }
    }
    var deed: String { "blocks used as they are stored" }
    var fastSQNR: Double { 0 }

    public init() {}

    public func validate() throws(CompressionError) {
        guard minimumCount >= 0 else {
            throw Self.invalid("minimumCount", "\(minimumCount) is negative.", remedy: "Use 0 to take every weight.")
        }
        try validateLimits()
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        let tables = stored(.rows, &piece, context)
        if !tables.isEmpty { try await readRows(of: tables, &piece, context) }
        let stored = stored(.blocks, &piece, context)
        guard !stored.isEmpty else {
            if tables.isEmpty {
                piece.note("\(Self.name): nothing reads 4- or 8-bit levels in blocks of 16 to 256 as kernels do.")
            }
            return
        }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            return explain(stored, "without calibration data it is not known what that costs", &piece)
        }
        let options = kernels.map { kernel in
            KernelOption(weights: stored.map { $0.used(kernel) }, folded: piece.model)
        }
        try await KernelSearch(settings: self, context: context).run(options, piece.model, &piece)
    }

    /// The weights that kernels of one kind take as earlier stages stored them; of others that their layers read, why not.
    private func stored(
        _ kind: KernelLayers.Kind, _ piece: inout Workpiece, _ context: StageContext
    ) -> [KernelCandidate.Encoded] {
        let found = KernelLayers(
            piece.model.graph, for: kind, minimumCount: minimumCount, selector: context.selector)
        for (name, reason) in found.reasons where piece.floatReasons[name] == nil { piece.floatReasons[name] = reason }
        return found.entries.compactMap {
            KernelCandidate.Encoded(stored: $0, execution: kind == .rows ? .rows : .blocks)
        }
    }

    /// How much slower than before a model may seem that reads its tables by row: noise of the measurement.
    private static let leastSpeedup = 0.97

    /// Gives `tables` to kernels that decode rows, where the runtime has them and they are not slower.
    private func readRows(
        of tables: [KernelCandidate.Encoded], _ piece: inout Workpiece, _ context: StageContext
    ) async throws {
        let candidate = KernelCandidate(piece.model, taking: tables)
        let bytes = try ONNXWriter.encode(candidate.model)
        guard (try? Session(bytes: bytes, name: "candidate")) != nil else {
            return explain(tables, KernelTrials.Fault.refused.rawValue, &piece)
        }
        var speed = ""
        if let dataset = context.dataset, !dataset.calibrationRows.isEmpty {
            context.progress("measuring tables read by row")
            let bench = try await CandidateBench(
                model: piece.model, original: piece.original, source: FidelitySource(dataset),
                rows: StaticSearch.split(dataset.calibrationRows).heldOut, in: context)
            if let speedup = try bench.speedup(of: bytes) {
                speed = ": \(speedup.formatted(digits: 2))x the speed before"
                guard speedup >= min(BlockComputer.leastSpeedup, minimumSpeedup) else {
                    piece.note("Tried and not taken: tables read by row\(speed).")
                    return explain(tables, "that is slower", &piece)
                }
            }
        }
        candidate.settle(&piece, by: Self.name)
        piece.note("Tables read by row as they are stored: \(tables.count)\(speed).")
    }
}
