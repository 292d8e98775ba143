import PithEvaluation

extension SampleSource {
    /// At most `count` equal parts of `rows`, whole batches each; one part where state is carried from row to row.
    ///
    /// The parts do not depend on the number of threads, so what is summed over each and then joined does not either.
    func pieces(of rows: Range<Int>, batch: Int, count: Int) -> [Range<Int>] {
        guard carried.isEmpty, !rows.isEmpty else { return rows.isEmpty ? [] : [rows] }
        let batches = (rows.count + batch - 1) / batch
        let size = max((batches + count - 1) / count, 1) * batch
        return stride(from: rows.lowerBound, to: rows.upperBound, by: size).map { start in
            start..<min(start + size, rows.upperBound)
        }
    }
}
