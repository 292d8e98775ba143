public import PithCompression
import PithEvaluation

/// What a run of `compress` did, as text for people.
public struct CompressionText {
    private let report: CompressionReport

    public init(_ report: CompressionReport) { self.report = report }

    /// Size, accuracy, fidelity and latency; then remarks; then a line for each weight.
    public var text: String {
        var lines = report.notes.map { "note: \(Text.line($0))" }
        let ratio = Double(report.input.bytes) / Double(max(report.output.bytes, 1))
        lines.append(
            "size: \(Text.bytes(report.input.bytes)) before, \(Text.bytes(report.output.bytes)) after: "
                + "\(ratio.formatted(digits: 2)) times smaller, \(report.output.bitsPerWeight.formatted(digits: 2)) bits a parameter"
        )
        lines.append(parts)
        if let accuracy = report.accuracy { lines += ScoreText.lines(accuracy) }
        if let fidelity = report.fidelity { lines.append(ScoreText.line(fidelity)) }
        if let latency = report.latency { lines.append(ScoreText.line(latency)) }
        lines.append(closedLoop)
        lines.append(
            "recipe \(report.recipe.name): \(report.seconds.formatted(digits: 2)) s, "
                + "\(report.scoringSeconds.formatted(digits: 2)) s of them scoring; peak memory \(Text.bytes(report.peakBytes)); "
                + "runs in \(report.minimumRuntime) and later")
        lines.append("written: \(report.output.path) (sha256 \(report.output.sha256))")
        return lines.joined(separator: "\n") + "\n\n" + ledger
    }

    /// What of the file is weights: the sum of the ledger.
    private var parts: String {
        let weights = report.ledger.reduce(0) { $0 + $1.bytesAfter }, path = report.output.path
        guard !path.lowercased().hasSuffix(".pith") else {
            return "bytes after are those of the unpacked model, \(Text.bytes(weights)) for the weights below; "
                + "`pith inspect \(path)` tells what they take in the container"
        }
        return "of the file the weights below take \(Text.bytes(weights)), operators, names and provenance "
            + Text.bytes(report.output.bytes - weights)
    }

    private var closedLoop: String {
        let check = report.verification
        let weights = check.weightsCompared == 1 ? "1 weight" : "\(check.weightsCompared) weights"
        return
            "closed loop: \(weights) decoded bit for bit as meant; output \(check.optimizedSQNR.formatted(digits: 1)) dB from the "
            + "original with the runtime's optimizations, \(check.unoptimizedSQNR.formatted(digits: 1)) dB without"
            + (check.isMadeUp ? ", on made-up inputs" : ", on \(check.samples) samples")
    }

    private var ledger: String {
        var table = TextTable(
            header: ["weight", "shape", "stored as", "bytes before", "after", "SQNR dB", "how and why"],
            rightAligned: [3, 4, 5])
        for row in report.ledger {
            let shape = row.shape.isEmpty ? "scalar" : row.shape.map(String.init).joined(separator: "x")
            let why = [row.technique, row.note.isEmpty ? nil : row.note].compactMap { $0 }.joined(separator: ": ")
            table.add([
                row.weight, shape, row.representation, "\(row.bytesBefore)", "\(row.bytesAfter)",
                row.sqnrDB.map { $0.formatted(digits: 1) } ?? "-", why,
            ])
        }
        return table.text
    }
}
