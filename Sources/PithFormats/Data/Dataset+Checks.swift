import PithTensor

extension Dataset {
    /// Refuses inputs of `rows` (or pairs) that are NaN or infinite.
    ///
    /// - Throws: `FormatError` `.invalidCard`, naming the file or card, the input, the row and the number's place in it; what
    ///   ``inputs(rows:)`` throws.
    /// - Complexity: O(*n*) for the numbers of these rows; memory for one row.
    public func requireFinite(_ rows: Range<Int>) throws(FormatError) {
        let floating = columns.filter { $0.value.type.isFloatingPoint }.sorted { $0.key < $1.key }
        for row in sampleRows(rows) {
            for (name, column) in floating {
                guard let numbers = try column.tensor(rows: [row]).floats(),
                    let place = numbers.firstIndex(where: { !$0.isFinite })
                else { continue }
                throw FormatError(
                    code: .invalidCard, subject: column.subject,
                    problem: "input '\(name)' is \(numbers[place].isNaN ? "NaN" : "infinite") in row \(row) "
                        + "(number \(place) of \(numbers.count)).",
                    remedy: "Leave the row out, or repair the data.")
            }
        }
    }
}
