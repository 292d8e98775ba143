package import PithModel
package import PithTensor

/// The rows of a weight, one for each output channel, as an integer kernel that adds products in pairs sums over them.
package struct PairedRows {
    private let pairs: ProductPairs
    /// Numbers from one of a row to the next.
    private let step: Int
    /// Where the rows of each channel start; of recurrent layers, of each channel and direction.
    private let starts: [[Int]]

    /// Sees a weight of `shape` that is summed over its last axis (by convolutions, over all but the first), or over the last but one
    /// where the output channels lie along the last; nil for a weight without numbers.
    ///
    /// A product of several matrices has several rows in each channel.
    package init?(_ shape: Shape, axis: Int, isConvolution: Bool) {
        let lengths = shape.dimensions, last = shape.rank - 1
        guard last >= 1, shape.count > 0 else { return nil }
        if axis == last {
            let channels = lengths[last], inputs = lengths[last - 1], matrix = inputs * channels
            pairs = ProductPairs(inputs: inputs)
            step = channels
            starts = (0..<channels).map { channel in (0..<shape.count / matrix).map { $0 * matrix + channel } }
        } else {
            let inputs = isConvolution ? shape.count / lengths[0] : lengths[last]
            pairs = ProductPairs(inputs: inputs, places: isConvolution ? inputs / lengths[1] : 1)
            step = 1
            starts = (0..<shape.count / inputs).map { [$0 * inputs] }
        }
    }

    /// The smallest scale of each channel at which rounding to nearest leaves every pair exact.
    ///
    /// - Complexity: O(*n*).
    package func smallestScales(of tensor: Tensor) -> [Float] {
        tensor.withElements(as: Float.self) { values in
            starts.map { rows in
                rows.map { pairs.smallestScale(of: values, from: $0, step: step) }.max() ?? 0
            }
        }
    }

    /// Whether every pair of levels is exact.
    ///
    /// - Complexity: O(*n*).
    package func isExact(_ form: GroupedIntegers) -> Bool {
        guard form.levelBits == 8 else { return true }
        // Levels without a sign are added with 32 bits.
        guard form.levels.type == .int8 else { return form.levels.type == .uint8 }
        var levels = form.levels.elements(as: Int8.self)
        return starts.joined().allSatisfy { pairs.limit(&levels, from: $0, step: step) == 0 }
    }
}
