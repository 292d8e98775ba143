package import PithEvaluation
import PithFormats
import PithModel
package import PithRuntime
import PithTensor

/// What the closed loop found.
public struct Verification: Sendable, Hashable, Codable {
    /// SQNR of the worst output against the original with the runtime's optimizations, in dB; 200: no difference.
    public var optimizedSQNR: Double
    /// The same without them.
    public var unoptimizedSQNR: Double
    /// The output that differs most.
    public var worstOutput: String
    /// Encoded weights whose decoding by the runtime equals ours bit for bit.
    public var weightsCompared: Int
    /// Samples that were run.
    public var samples: Int
    /// Whether the samples were made up, for want of data: they show whether two forms agree, not how good either is.
    public var isMadeUp: Bool
    /// Numbers in the original's outputs that are not finite.
    public var nonFiniteNumbers: Int

    /// Below this the outputs have little in common, in dB.
    static let lowSQNR = 15.0
}

/// Loads a written model in the runtime and compares it with what was meant.
///
/// * Every encoded weight, decoded by the operators of the file in the runtime, equals our own decoding bit for bit.
/// * With the runtime's optimizations the model may be at most 1 dB further from the original than without them; where
///   nothing was quantized the two may lie 80 dB apart, 50 where the original computes in half floats (32: bfloat16).
package struct OutputVerifier {
    /// The written model.
    private let path: String
    private let piece: Workpiece
    private let original: Session
    private let source: any SampleSource
    /// Rows that may be run; a few of them are.
    private let rows: Range<Int>
    private let threads: Int

    private static let mostRows = 16
    private static let mostBytesAtOnce = 64 << 20
    /// How much further the optimized run may be from the original, in dB.
    private static let tolerance = 1.0
    private static let losslessSQNR = 80.0
    /// How much further two runs may lie apart than the original's own, in dB.
    private static let losslessSlack = 6.0
    /// The same for a model that computes in 16-bit floats, and what a node that rounds to 11 or 8 bits may add up to: as much as 40
    /// roundings of whole values.
    private static let halfSQNR: [ScalarType: Double] = [.float16: 50, .bfloat16: 32]

    /// Compares the file at `path` with the `piece` it was written from, and its outputs with those of `original`.
    package init(
        path: String, piece: Workpiece, original: Session, source: any SampleSource, rows: Range<Int>, threads: Int
    ) {
        self.path = path
        self.piece = piece
        self.original = original
        self.source = source
        self.rows = rows
        self.threads = threads
    }

    /// Runs the comparison.
    ///
    /// - Throws: `CompressionError` `.mismatch`; what runtime and readers throw.
    package func verify() async throws -> Verification {
        let compared = try compareWeights()
        let optimized = try session(.all), plain = try session(.none)
        let rows = self.rows.lowerBound..<min(self.rows.upperBound, self.rows.lowerBound + OutputVerifier.mostRows)
        let evaluator = try await ParallelEvaluator(source: source, reference: original, rows: rows, threads: threads)
        let errors = try await errors(evaluator, optimized), worst = try worst(of: errors)
        let fast = worst.sqnrDB, slow = try await worstError(evaluator, plain).sqnrDB
        if compared > 0 || !piece.model.graph.activationFormats.isEmpty || hasIntegerArithmetic {
            guard fast >= slow - OutputVerifier.tolerance else {
                throw mismatch(
                    "with the runtime's optimizations its output is \(fast.formatted(digits: 1)) dB from the original's, "
                        + "without them \(slow.formatted(digits: 1)) dB: the runtime computes something else than was meant.",
                    remedy: remedy)
            }
        } else {
            let apart = try await worstError(
                try await ParallelEvaluator(source: source, reference: plain, rows: rows, threads: threads), optimized
            ).sqnrDB
            let limit = try await losslessLimit(evaluator, min(fast, apart))
            guard fast >= limit else {
                throw mismatch(
                    "nothing was quantized, and still its output is \(fast.formatted(digits: 1)) dB from the original's.",
                    remedy: "Report this with the model.")
            }
            guard apart >= limit else {
                throw mismatch(
                    "nothing was quantized, and still the runtime's optimizations change its output "
                        + "(\(apart.formatted(digits: 1)) dB).", remedy: "Report this with the model.")
            }
        }
        return Verification(
            optimizedSQNR: fast, unoptimizedSQNR: slow, worstOutput: worst.name, weightsCompared: compared,
            samples: rows.count,
            isMadeUp: source is SyntheticSource, nonFiniteNumbers: errors.reduce(0) { $0 + $1.nonFinite.reference })
    }

    /// What to do about kernels that err more than their levels.
    private var remedy: String {
        guard (try? KernelOverflow.measured.resolved()) == .avoided else {
            return "Report this; until then use the recipe int8-weights."
        }
        return
            "Integer kernels overflow on this processor (x86 without VNNI): set `overflow: avoided` in the recipe's stages "
            + "that have it, or use the recipe int8-weights."
    }

    /// How near outputs must lie where nothing was quantized, in dB; `found` is how near they are.
    ///
    /// A model that computes in 16-bit floats rounds after every node, and fewer nodes round elsewhere. One that differs with and
    /// without the runtime's optimizations itself may differ as much again.
    private func losslessLimit(_ evaluator: ParallelEvaluator, _ found: Double) async throws -> Double {
        let limits = piece.original.graph.computedTypes.compactMap { OutputVerifier.halfSQNR[$0] }
        let limit = limits.min() ?? OutputVerifier.losslessSQNR
        guard found < limit else { return limit }
        var options = SessionOptions()
        options.optimization = .none
        let plain = try Session(bytes: try ONNXWriter.encode(piece.original), name: "original", options: options)
        let own = try await worstError(evaluator, plain).sqnrDB
        return min(limit, own - OutputVerifier.losslessSlack)
    }

    /// The written model in the runtime; that it does not load is a fault of the work, not of the user's file.
    private func session(_ optimization: SessionOptions.Optimization) throws -> Session {
        var options = SessionOptions()
        options.optimization = optimization
        do throws(RuntimeError) {
            return try Session(path: path, options: options)
        } catch {
            guard error.code == .invalidModel else { throw error }
            throw mismatch("the runtime does not load it: \(error.problem)", remedy: "Report this with the model.")
        }
    }

    /// Whether the model came with integers of its own, which the runtime may fuse.
    private var hasIntegerArithmetic: Bool {
        var found = false
        piece.model.graph.forEachGraph { graph, _ in
            found =
                found
                || graph.nodes.contains { node in
                    node.operation.hasSuffix("uantizeLinear") || node.operation.contains("QLinear")
                        || node.operation.hasSuffix("Integer")
                }
        }
        return found
    }

    private func worstError(_ evaluator: ParallelEvaluator, _ session: Session) async throws -> OutputError {
        try await worst(of: errors(evaluator, session))
    }

    private func errors(_ evaluator: ParallelEvaluator, _ session: Session) async throws -> [OutputError] {
        let errors = try await evaluator.errors(of: session)
        for error in errors where error.nonFinite.candidate > error.nonFinite.reference {
            throw mismatch(
                "its output '\(error.name)' has \(error.nonFinite.candidate) values that are not finite.",
                remedy: "Use the recipe int8-weights.")
        }
        return errors
    }

    /// The error of the output that differs most.
    private func worst(of errors: [OutputError]) throws -> OutputError {
        guard let worst = errors.min(by: { $0.sqnrDB < $1.sqnrDB }) else {
            throw mismatch("it has no output to compare.", remedy: "Report this with the model.")
        }
        return worst
    }

    // MARK: Weights

    private func compareWeights() throws -> Int {
        let written = try ONNXReader.read(path: path)
        var meant: [Graph] = [], found: [Graph] = []
        piece.model.graph.forEachGraph { graph, _ in meant.append(graph) }
        written.graph.forEachGraph { graph, _ in found.append(graph) }
        guard meant.count == found.count else {
            throw mismatch("it holds \(found.count) graphs, not \(meant.count).", remedy: "Report this.")
        }
        var compared = 0
        for (graph, file) in zip(meant, found) {
            try compareKept(graph, file)
            var check = WeightCheck(file: file, model: written)
            for weight in graph.weights {
                guard let form = weight.representation, !(form is SparseValues) else { continue }
                check.add(weight, in: graph)
                if check.byteCount >= OutputVerifier.mostBytesAtOnce { compared += try finish(&check, file, written) }
            }
            compared += try finish(&check, file, written)
        }
        return compared
    }

    /// Weights that were not encoded are in the file as they were on the bench, bit for bit.
    private func compareKept(_ graph: Graph, _ file: Graph) throws {
        for weight in graph.weights {
            guard let tensor = weight.dense else { continue }
            guard file.weights[weight.name]?.dense == tensor else {
                throw mismatch("the weight '\(weight.name)' is not what was meant.", remedy: "Report this.")
            }
        }
    }

    private func finish(_ check: inout WeightCheck, _ file: Graph, _ model: Model) throws -> Int {
        let decoded = try check.run()
        for (weight, output) in check.weights {
            guard let theirs = decoded[output], theirs == weight.decoded() else {
                throw mismatch(
                    "the runtime decodes the weight '\(weight.name)' to other numbers than Pith.",
                    remedy: "Report this.")
            }
        }
        let count = check.weights.count
        check = WeightCheck(file: file, model: model)
        return count
    }

    private func mismatch(_ problem: String, remedy: String) -> CompressionError {
        CompressionError(code: .mismatch, subject: "the written model", problem: problem, remedy: remedy)
    }
}

extension Graph {
    /// The 16-bit floats that nodes here and in nested graphs compute in; weights that are only stored in them do not count.
    fileprivate var computedTypes: Set<ScalarType> {
        var types: Set<ScalarType> = []
        forEachGraph { graph, _ in
            types.formUnion(graph.inputs.compactMap { $0.type?.element })
            for node in graph.nodes {
                if node.isStandard("Cast") {
                    if let type = OpsetUpgrader.scalarType(code: node.integer("to", default: 1)) { types.insert(type) }
                } else if !node.isStandard("DequantizeLinear") {
                    types.formUnion(node.inputs.compactMap { graph.weights[$0]?.type })
                }
            }
        }
        return types
    }
}
