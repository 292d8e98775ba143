public import PithTensor

/// What went into one run and what each model made of it.
public struct Batch: Sendable {
    /// The samples or pairs this run belongs to; a pair's two rows may fall into different runs of the same units.
    public let units: Range<Int>
    /// Where this run's rows lie in the list of rows that `units` stands for.
    public let positions: Range<Int>
    /// The rows of the source.
    public let rows: [Int]
    /// The inputs, carried state aside; filled-up rows of a fixed batch included.
    public let inputs: [String: Tensor]
    /// The outputs that were asked for, by model; filled-up rows removed.
    public let outputs: [[String: Tensor]]
    /// Whether it is the last run.
    public let isLast: Bool

    /// Where the row at `index` of this run stands: the pair, and whether it is its second half.
    func pair(at index: Int) -> (unit: Int, isSecond: Bool) {
        let position = positions.lowerBound + index
        return (units.lowerBound + position % units.count, position >= units.count)
    }
}
