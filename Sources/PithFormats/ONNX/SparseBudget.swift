internal import PithModel

/// The memory that the sparse weights of one file may take together once they are dense.
///
/// A sparse weight of a few bytes can announce any shape, and whoever decodes it or loads it into a runtime fills all of
/// it. So the sum over a file is bounded before anything is decoded.
final class SparseBudget {
    /// Bytes allowed whatever the file holds.
    private let allowance: Int
    private let subject: String
    private var denseBytes = 0
    private var storedBytes = 0

    /// Dense bytes for each stored byte that are allowed besides: 99 % zeros in float32 come to a third of that.
    static let ratio = 100

    /// A budget of `allowance` bytes for the file named `subject`.
    init(allowance: Int, subject: String) {
        self.allowance = allowance
        self.subject = subject
    }

    /// Counts one more weight.
    ///
    /// - Throws: `FormatError` `.unsupported` when the sum passes what is allowed.
    func take(_ form: SparseValues, named name: String) throws(FormatError) {
        let (sum, overflow) = denseBytes.addingReportingOverflow(form.denseByteCount)
        storedBytes += form.byteCount
        let (earned, isLarge) = storedBytes.multipliedReportingOverflow(by: SparseBudget.ratio)
        let limit = max(allowance, isLarge ? .max : earned)
        guard !overflow, sum <= limit else {
            throw FormatError(
                code: .unsupported, subject: subject,
                problem: "its sparse weights up to '\(name)' (\(form.shape)) would take "
                    + "\(overflow ? Int.max : sum) bytes when dense, more than the \(limit) allowed for "
                    + "\(storedBytes) bytes in the file.",
                remedy: "If the file can be trusted, store these weights dense.")
        }
        denseBytes = sum
    }
}
