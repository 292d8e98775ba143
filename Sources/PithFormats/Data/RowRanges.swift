/// The rows that calibrate and the rows that score, never the same.
struct RowRanges: Equatable {
    let calibration: Range<Int>
    let evaluation: Range<Int>

    /// Most rows that calibrate when nobody says how many.
    static let mostCalibrationRows = 512

    private init(calibration: Range<Int>, evaluation: Range<Int>) {
        self.calibration = calibration
        self.evaluation = evaluation
    }

    /// The first fifth of `count` rows, at least one and at most 512, and the rest; a single row only scores.
    init(splitting count: Int) {
        let fifth = count < 2 ? 0 : min(max(count / 5, 1), RowRanges.mostCalibrationRows)
        calibration = 0..<fifth
        evaluation = fifth..<count
    }

    /// The ranges of a card over `count` rows (or pairs).
    ///
    /// Without `evaluate` the rows behind `calibrate` score; without `calibrate` the rows before `evaluate` calibrate,
    /// at
    /// most 512, and none if it starts at 0; without both as `init(splitting:)`.
    ///
    /// - Throws: `FormatError` `.invalidCard` when a range is past the end, or nothing is left to score.
    init(_ card: DataCard, count: Int) throws(FormatError) {
        for (key, range) in [("calibrate", card.calibration), ("evaluate", card.evaluation)] {
            guard let range, range.upperBound > count else { continue }
            throw card.reader.failure(
                key, "rows \(range) end past the \(count) \(card.pairs == nil ? "samples" : "pairs") there are.",
                "End at \(count) or before.")
        }
        switch (card.calibration, card.evaluation) {
        case (nil, nil):
            self.init(splitting: count)
        case (let calibration?, nil):
            guard calibration.upperBound < count else {
                throw card.reader.failure("calibrate", "no rows are left to score.", "Calibrate on fewer rows.")
            }
            self.init(calibration: calibration, evaluation: calibration.upperBound..<count)
        case (let calibration, let evaluation?):
            let before = 0..<min(evaluation.lowerBound, RowRanges.mostCalibrationRows)
            self.init(calibration: calibration ?? before, evaluation: evaluation)
        }
    }
}
