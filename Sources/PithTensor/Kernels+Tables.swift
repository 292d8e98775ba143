internal import CPithKernels

extension Kernels {
    /// How `values` and the levels nearest to them go together, for each candidate scale of a table.
    ///
    /// With `l` the level of a value, `products = sum(value * l)` and `squares = sum(l * l)`: under any scale `s` of these
    /// levels the squared error is `sum(value²) - 2 s products + s² squares`, least at `s = products / squares`.
    /// `levels` are 2 to the power of 1 through 8 and ascend; `thresholds` lie between neighbours. Scales are not 0.
    package static func tableMoments(
        _ values: Span<Float>, levels: [Float], thresholds: [Float], scales: [Float]
    ) -> [(products: Float, squares: Float)] {
        let bits = bitsOfTable(levels.count, thresholds)
        var moments = [Float](repeating: 0, count: 2 * scales.count)
        unsafe values.withUnsafeBufferPointer { values in
            unsafe moments.withUnsafeMutableBufferPointer { moments in
                guard let base = values.baseAddress, let target = moments.baseAddress else { return }
                unsafe pith_table_moments_f32(
                    base, values.count, levels, thresholds, bits, scales, scales.count, target)
            }
        }
        return scales.indices.map { (moments[2 * $0], moments[2 * $0 + 1]) }
    }

    /// The number of the level of each value: how many `thresholds` lie below `value / scale`; `scale` is not 0.
    package static func tableCodes(
        _ values: Span<Float>, thresholds: [Float], scale: Float, into codes: inout [UInt8], at start: Int
    ) {
        let bits = bitsOfTable(thresholds.count + 1, thresholds)
        precondition(start >= 0 && start + values.count <= codes.count, "Codes have no room for the values.")
        unsafe values.withUnsafeBufferPointer { values in
            unsafe codes.withUnsafeMutableBufferPointer { codes in
                guard let base = values.baseAddress, let target = codes.baseAddress else { return }
                unsafe pith_table_codes_f32(base, values.count, thresholds, bits, scale, target + start)
            }
        }
    }

    private static func bitsOfTable(_ levels: Int, _ thresholds: [Float]) -> UInt32 {
        let bits = levels.trailingZeroBitCount
        precondition((1...8).contains(bits) && levels == 1 << bits, "A table has 2, 4, 8 ... 256 levels.")
        precondition(thresholds.count == levels - 1, "A threshold lies between each two levels.")
        return UInt32(bits)
    }
}
