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
    private var elements: [Float]

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

    /// Adds the products of each panel of `left` with each of `right` to a matrix of `right`'s padded width.
    ///
    /// With `isSymmetric`, panels of `right` before that of `left` are passed over.
    static func addProducts(
        _ left: RowPanels, _ right: RowPanels, isSymmetric: Bool, to products: inout [Double]
    ) {
        guard left.filled > 0 else { return }
        for i in 0..<left.panelCount {
            for j in (isSymmetric ? i : 0)..<right.panelCount {
                Kernels.addPanelProducts(
                    left.elements.span.extracting(left.range(of: i)),
                    right.elements.span.extracting(right.range(of: j)),
                    rows: left.filled, to: &products, stride: right.paddedColumns,
                    at: i * LaneLayout.panel * right.paddedColumns + j * LaneLayout.panel)
            }
        }
    }

    private func range(of panel: Int) -> Range<Int> {
        let start = panel * RowPanels.capacity * LaneLayout.panel
        return start..<start + filled * LaneLayout.panel
    }
}
