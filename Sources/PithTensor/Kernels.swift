internal import CPithKernels

/// The only door to the C kernels: checked Swift signatures over safe spans.
package enum Kernels {
    /// Smallest and largest finite value, and how many values are not finite.
    ///
    /// Without finite values the bounds are nil; a bound of zero is positive zero.
    package static func range(of values: Span<Float>) -> (bounds: ClosedRange<Float>?, nonFinite: Int) {
        var low: Float = 0, high: Float = 0, bad = 0
        unsafe values.withUnsafeBufferPointer { buffer in
            unsafe pith_range_f32(buffer.baseAddress, buffer.count, &low, &high, &bad)
        }
        return (low <= high ? low...high : nil, bad)
    }

    /// Adds the magnitudes of `values` to counters: the first half for negative values, the second for the others.
    ///
    /// `inverseWidth` is a power of two; magnitudes past the last bin count there; values that are not finite do not count.
    package static func histogram(of values: Span<Float>, inverseWidth: Float, into bins: inout [UInt32]) {
        precondition(bins.count.isMultiple(of: 2) && !bins.isEmpty, "Counters come in two halves.")
        precondition(bins.count <= 2 * Int(PITH_MOST_HALF_BINS), "There are more counters than fit the kernel.")
        let half = UInt32(bins.count / 2)
        unsafe values.withUnsafeBufferPointer { source in
            unsafe bins.withUnsafeMutableBufferPointer { target in
                unsafe pith_histogram_f32(source.baseAddress, source.count, inverseWidth, half, target.baseAddress)
            }
        }
    }

    /// `round(value / scale)` with ties to even, kept inside `range`.
    package static func quantize(
        _ values: Span<Float>, scale: Float, range: ClosedRange<Int>, into levels: inout [Int8], at start: Int
    ) {
        precondition(start >= 0 && start + values.count <= levels.count, "Levels have no room for the values.")
        precondition(
            range.lowerBound >= -128 && range.upperBound <= 127 && scale > 0, "Levels are 8 bits, scales positive.")
        unsafe values.withUnsafeBufferPointer { source in
            unsafe levels.withUnsafeMutableBufferPointer { target in
                guard let base = target.baseAddress else { return }
                unsafe pith_quantize_f32_s8(
                    source.baseAddress, source.count, scale, Int32(range.lowerBound), Int32(range.upperBound),
                    base + start)
            }
        }
    }
}

extension Kernels {
    /// The same with a scale for each value.
    package static func quantize(
        _ values: Span<Float>, scales: Span<Float>, range: ClosedRange<Int>, into levels: inout [Int8], at start: Int
    ) {
        precondition(start >= 0 && start + values.count <= levels.count, "Levels have no room for the values.")
        precondition(range.lowerBound >= -128 && range.upperBound <= 127, "Levels are 8 bits.")
        precondition(scales.count == values.count, "Each value has a scale.")
        unsafe values.withUnsafeBufferPointer { source in
            unsafe scales.withUnsafeBufferPointer { scales in
                unsafe levels.withUnsafeMutableBufferPointer { target in
                    guard let base = target.baseAddress else { return }
                    unsafe pith_quantize_columns_f32_s8(
                        source.baseAddress, source.count, scales.baseAddress, Int32(range.lowerBound),
                        Int32(range.upperBound), base + start)
                }
            }
        }
    }

    /// Raises each element of `largest` to the magnitude of the value in its place.
    package static func absoluteMaximum(ofColumns values: Span<Float>, into largest: inout [Float]) {
        precondition(largest.count == values.count, "Each value has a place.")
        unsafe values.withUnsafeBufferPointer { source in
            unsafe largest.withUnsafeMutableBufferPointer { target in
                unsafe pith_absmax_columns_f32(source.baseAddress, source.count, target.baseAddress)
            }
        }
    }
}

extension Kernels {
    /// How many values are zero, of either sign.
    package static func zeros(in values: Span<Float>) -> Int {
        unsafe values.withUnsafeBufferPointer { unsafe pith_zeros_f32($0.baseAddress, $0.count) }
    }

    /// Sum in double precision, in an order that is the same on every machine.
    package static func sum(of values: Span<Float>) -> Double {
        unsafe values.withUnsafeBufferPointer { unsafe pith_sum_f32($0.baseAddress, $0.count) }
    }

    /// Adds each value to the sum in its place.
    package static func addColumns(_ values: Span<Float>, to sums: inout [Double]) {
        precondition(sums.count == values.count, "Each value has a place.")
        unsafe values.withUnsafeBufferPointer { source in
            unsafe sums.withUnsafeMutableBufferPointer { target in
                unsafe pith_sum_columns_f32(source.baseAddress, source.count, target.baseAddress)
            }
        }
    }
}
