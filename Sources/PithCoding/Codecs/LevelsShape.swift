internal import CPithKernels

/// How a block of levels is cut into rows and lanes.
struct LevelsShape {
    let count: Int
    /// Levels of a row; the last row may have fewer.
    let unit: Int
    /// Rows of a lane; the last lane may have fewer.
    let rowsPerLane: Int
    /// States of the walk: 1 without a trellis, 4 or 8.
    let states: Int

    /// Most lanes.
    static let mostLanes = 64

    /// Levels of a lane.
    var chunk: Int { unit * rowsPerLane }
    /// Rows of the block.
    var rows: Int { (count + unit - 1) / unit }
    /// Lanes of the block.
    var lanes: Int { (rows + rowsPerLane - 1) / rowsPerLane }
    /// Sets that levels are taken from.
    var sets: Int { states == 1 ? 1 : 2 }
    /// Bits that name a state.
    var bitsPerState: Int { states.trailingZeroBitCount }

    /// Calls `body` with the kernels' view of the shape, which must not outlive the call.
    func withLayout<Result>(_ classes: LevelClasses, _ body: (pith_levels_layout) -> Result) -> Result {
        unsafe classes.rows.withUnsafeBufferPointer { rows in
            unsafe classes.columns.withUnsafeBufferPointer { columns in
                unsafe classes.tables.withUnsafeBufferPointer { tables in
                    unsafe body(
                        pith_levels_layout(
                            count: count, unit: unit, chunk: chunk, lanes: UInt32(lanes), states: UInt32(states),
                            rows: rows.baseAddress, columns: columns.baseAddress, tables: tables.baseAddress))
                }
            }
        }
    }
}
