package import PithEvaluation
package import PithModel
import PithRuntime

/// Measures each layer of a candidate against the reference: with the reference's activations as its inputs, and with
/// the candidate's own.
///
/// Three graphs run side by side, batch by batch: the reference with its values as outputs; the candidate with its; and
/// the candidate cut at every value that both have (`CutModel`), fed with the reference's. Sums are kept, values are
/// not. Because values are outputs here, the runtime does not fuse integer kernels across them: rounding is computed as
/// the operators say, and what the kernels give lies far less from that than the rounding error.
///
/// - Complexity: three runs for each row; memory of one batch of all values.
package struct LayerComparison {
    private let reference: Model
    private let candidate: Model
    private let threads: Int

    /// Rows looked at, at most.
    private static let mostRows = 64

    /// Prepares to compare the main graphs of two models.
    package init(reference: Model, candidate: Model, threads: Int) {
        self.reference = reference
        self.candidate = candidate
        self.threads = threads
    }

    /// The errors of all layers on the first rows of `rows`.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    package func measure(source: any SampleSource, rows: Range<Int>) throws -> LayerReport {
        var match = LayerMatch(reference: reference.graph, candidate: candidate.graph)
        var bench = try LayerBench(reference: reference, candidate: candidate, match: &match, options: options)
        var report = LayerReport(
            matchedValues: match.pairs.count, onlyInReference: match.onlyInReference,
            onlyInCandidate: match.onlyInCandidate, innerLayers: match.innerLayers)
        let layers = match.layers()
        guard !layers.isEmpty else {
            report.notes = ["No layer of the candidate could be matched by the name of its output."]
            return report
        }
        let looked = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + LayerComparison.mostRows)
        let sums = try bench.run(layers, source: source, rows: looked)
        report.rows = sums.rows
        report.notes = bench.notes
        if sums.misshapen > 0 {
            report.notes.append("Outputs of \(sums.misshapen) layers have another shape in the reference: left out.")
        }
        report.layers = layers.compactMap { sums.error(of: $0) }
        return report
    }

    private var options: SessionOptions {
        var options = ComparisonBench.options(threads)
        options.optimization = .basic
        return options
    }
}
