/// A table that is told in text and in HTML alike.
protocol ReportTable {
    var header: [String] { get }
    /// As many cells a row as the header has.
    var rows: [[String]] { get }
    /// Columns that hold words, not numbers.
    var textColumns: Set<Int> { get }
}
