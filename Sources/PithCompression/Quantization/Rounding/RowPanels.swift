import PithTensor

/// Rows waiting to be multiplied: cut into panels of 32 columns, which the product kernel reads one after the other.
///
/// Element (row, column) lies at `(column / 32 * capacity + row) * 32 + column % 32`; columns past the last are zero.
struct RowPanels: Sendable {
    /// Rows that are summed in single precision before they go into a double.
    static let capacity = 128

    let columns: Int
    /// Rows that wait.
    private(set) var filled = 0
    private(set) var elements: [Float]

    /// Panels for rows of `columns` numbers.
    init(columns: Int) {
        self.columns = columns
        elements = []
    }

    /// Panels of 32 columns that a row takes.
    var panelCount: Int { (columns + LaneLayout.panel - 1) / LaneLayout.panel }
    /// Columns with those that pad the last panel.
    var paddedColumns: Int { panelCount * LaneLayout.panel }
    /// Whether no further row fits.
    var isFull: Bool { filled == RowPanels.capacity }

    /// Takes one row.
    mutating func append(_ row: Span<Float>) {
        precondition(row.count == columns && !isFull, "A row has \(columns) columns.")
        if elements.isEmpty {
            elements = [Float](repeating: 0, count: panelCount * RowPanels.capacity * LaneLayout.panel)
        }
        for panel in 0..<panelCount {
            let first = panel * LaneLayout.panel
            Kernels.copy(
                row, from: first, by: 1, count: min(LaneLayout.panel, columns - first), into: &elements,
                at: (panel * RowPanels.capacity + filled) * LaneLayout.panel, by: 1)
        }
        filled += 1
    }

    /// Forgets the rows.
    mutating func clear() { filled = 0 }

    /// Where the numbers of one panel lie, as far as rows wait.
    func range(of panel: Int) -> Range<Int> {
        let start = panel * RowPanels.capacity * LaneLayout.panel
        return start..<start + filled * LaneLayout.panel
    }
}
