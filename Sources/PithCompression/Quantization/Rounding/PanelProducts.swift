import PithTensor

/// The sum of `left rightᵀ` over rows, in doubles; each row as wide as `right` with its padding.
struct PanelProducts: Sendable {
    /// The sums, row-major; empty before the first rows.
    private(set) var sums: [Double] = []

    /// Whether nothing was added.
    var isEmpty: Bool { sums.isEmpty }

    /// Adds the products of the rows that wait in `left` and `right`.
    ///
    /// With `isSymmetric`, panels of `right` before that of `left` are passed over.
    mutating func add(_ left: RowPanels, _ right: RowPanels, isSymmetric: Bool) {
        guard left.filled > 0 else { return }
        if sums.isEmpty { sums = [Double](repeating: 0, count: left.paddedColumns * right.paddedColumns) }
        for i in 0..<left.panelCount {
            for j in (isSymmetric ? i : 0)..<right.panelCount {
                Kernels.addPanelProducts(
                    left.elements.span.extracting(left.range(of: i)),
                    right.elements.span.extracting(right.range(of: j)),
                    rows: left.filled, to: &sums, stride: right.paddedColumns,
                    at: i * LaneLayout.panel * right.paddedColumns + j * LaneLayout.panel)
            }
        }
    }

    /// Adds the sums over other rows of the same width.
    mutating func merge(_ other: PanelProducts) {
        guard !sums.isEmpty else {
            sums = other.sums
            return
        }
        for index in other.sums.indices { sums[index] += other.sums[index] }
    }
}
