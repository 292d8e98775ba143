import PithFormats
import PithModel

extension GPTQQuantizer {
    /// What inputs in 8 bits must gain in integers, in dB: most of the rows that tell have been rounded on.
    private static let leastGain = 0.3

    /// Rounds for both kinds of inputs, and keeps the result that errs less in integers.
    func roundBothWays(
        _ piece: inout Workpiece, with dataset: Dataset, in context: StageContext
    ) async throws {
        var float = piece, settings = self
        settings.inputs = .float
        try await settings.roundLayers(of: &float, with: dataset, in: context)
        let search = try integers(with: dataset, in: context)
        guard float.encodings.count > piece.encodings.count, let first = try await search.integers(of: float) else {
            piece = float
            return
        }
        settings.inputs = .uint8
        try await settings.roundLayers(of: &piece, with: dataset, in: context)
        guard let second = try await search.integers(of: piece) else {
            piece = float
            return
        }
        let figures = (first.sqnrDB.formatted(digits: 1), second.sqnrDB.formatted(digits: 1))
        let isKept = second.sqnrDB >= first.sqnrDB + Self.leastGain
        if isKept {
            piece.roundedOnFloat = Workpiece.RoundedOnFloat(
                model: float.model, trace: float.trace, encodings: float.encodings)
        } else {
            piece = float
        }
        piece.note(
            "Weights rounded on inputs in 8 bits give integers \(figures.1) dB, on inputs in float \(figures.0) dB: "
                + "\(isKept ? "the former" : "the latter") are kept.")
    }

    /// What measures integers; of the layers that the stage leaves alone none are.
    private func integers(with dataset: Dataset, in context: StageContext) throws -> StaticSearch {
        var settings = StaticQuantizer()
        settings.calibrationRows = min(calibrationRows, settings.calibrationRows)
        settings.overflow = overflow
        return try StaticSearch(settings: settings, context: context, dataset: dataset)
    }

    func activationFormats(
        for piece: Workpiece, with dataset: Dataset, in context: StageContext
    ) async throws -> [String: ActivationFormat] {
        guard inputs == .uint8 else { return [:] }
        return try await integers(with: dataset, in: context).formats(for: piece)
    }
}

extension Workpiece {
    /// Takes the weights that were rounded on inputs in float, if the stage before kept others for the sake of integers.
    mutating func restoreRoundedOnFloat() {
        guard let other = roundedOnFloat else { return }
        (model, trace, encodings) = (other.model, other.trace, other.encodings)
        roundedOnFloat = nil
        note("Weights rounded on inputs in float are taken after all.")
    }
}
