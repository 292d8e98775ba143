internal import PithModel
internal import PithTensor

extension DatasetBuilder {
    /// The ranges, once everything is read.
    ///
    /// - Throws: `FormatError` when inputs or labels are missing, counts differ or ranges do not fit.
    func finish() throws(FormatError) -> RowRanges {
        for input in graphInputs where columns[input.name] == nil && constants[input.name] == nil {
            throw FormatError(
                code: .missing, subject: path, problem: "the graph's input '\(input.name)' has no data.",
                remedy: card == nil ? "Add an array of that name." : "Describe it under `inputs`.")
        }
        guard sampleCount > 0 else {
            throw failure("inputs", "no input has samples: each is the same every time.", "Give one of them a `file`.")
        }
        try checkLabels()
        guard let card else { return RowRanges(splitting: sampleCount) }
        guard let pairs = card.pairs, let scores else { return try RowRanges(card, count: sampleCount) }
        let count = min(scores.count, sampleCount - pairs.offset)
        guard count > 0 else {
            throw pairs.reader.failure(
                "offset", "with \(sampleCount) rows there are no rows i and i + \(pairs.offset).",
                "Give a smaller offset.")
        }
        let ranges = try RowRanges(card, count: count)
        try checkPairs(ranges, pairs)
        return ranges
    }

    /// Refuses pairs that would score a row that was calibrated on.
    private func checkPairs(_ ranges: RowRanges, _ pairs: DataCard.Pairs) throws(FormatError) {
        let shifted = { (range: Range<Int>) in range.lowerBound + pairs.offset..<range.upperBound + pairs.offset }
        let (calibration, evaluation) = (ranges.calibration, ranges.evaluation)
        guard calibration.overlaps(shifted(evaluation)) || shifted(calibration).overlaps(evaluation) else { return }
        throw pairs.reader.failure(
            "offset", "pairs \(evaluation) share rows with the pairs \(calibration) that calibrate.",
            "Choose ranges whose rows, and rows + \(pairs.offset), are apart.")
    }

    private func checkLabels() throws(FormatError) {
        guard let labels else {
            guard metric.needsLabels else { return }
            throw failure(
                "metric", "\(metric.rawValue) compares with labels, and there are none.",
                "Add `labels: { file: ..., array: ... }`, or use `metric: fidelity`.", code: .missing)
        }
        guard labels.sampleCount == sampleCount else { throw differing(labels.subject, labels.sampleCount) }
        let type = labels.array.type
        guard !metric.isClassification || type.isInteger || type == .bool else {
            throw failure(
                "labels", "\(metric.rawValue) needs class indices, and the labels are \(type.rawValue).",
                "Save them as integers, or use `metric: mse`.")
        }
    }

    /// An error about an array with another number of samples than the first.
    func differing(_ subject: String, _ count: Int) -> FormatError {
        FormatError(
            code: .invalidCard, subject: subject,
            problem: "it has \(count) samples, and there are \(sampleCount) in \(firstSubject ?? path).",
            remedy: "Give every array the same number of samples.")
    }

    private func failure(
        _ key: String, _ problem: String, _ remedy: String, code: FormatError.Code = .invalidCard
    ) -> FormatError {
        card?.reader.failure(key, problem, remedy, code: code)
            ?? FormatError(code: code, subject: path, problem: problem, remedy: remedy)
    }
}
