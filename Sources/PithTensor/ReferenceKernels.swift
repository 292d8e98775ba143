/// Plain Swift twins of the kernels, written to be read; tests hold the kernels to them bit for bit.
package enum ReferenceKernels {
    /// See ``Kernels/range(of:)``.
    package static func range(of values: Span<Float>) -> (bounds: ClosedRange<Float>?, nonFinite: Int) {
        var low = Float.infinity, high = -Float.infinity, bad = 0
        for index in values.indices {
            let value = values[index]
            guard value.isFinite else {
                bad += 1
                continue
            }
            low = Swift.min(low, value)
            high = Swift.max(high, value)
        }
        // Adding zero turns negative zero into zero and changes nothing else.
        return (low <= high ? low + 0...high + 0 : nil, bad)
    }

    /// See ``Kernels/histogram(of:inverseWidth:into:)``.
    package static func histogram(of values: Span<Float>, inverseWidth: Float, into bins: inout [UInt32]) {
        let half = bins.count / 2
        for index in values.indices where values[index].isFinite {
            let bin = Swift.min(Int(Swift.min(abs(values[index]) * inverseWidth, 1e9)), half - 1)
            bins[values[index] < 0 ? bin : half + bin] += 1
        }
    }

    /// See ``Kernels/quantize(_:scale:range:into:at:)``.
    package static func quantize(
        _ values: Span<Float>, scale: Float, range: ClosedRange<Int>, into levels: inout [Int8], at start: Int
    ) {
        for index in values.indices {
            levels[start + index] = level(of: values[index], scale: scale, range: range)
        }
    }

    /// See ``Kernels/quantize(_:scales:range:into:at:)``.
    package static func quantize(
        _ values: Span<Float>, scales: Span<Float>, range: ClosedRange<Int>, into levels: inout [Int8], at start: Int
    ) {
        for index in values.indices {
            levels[start + index] = level(of: values[index], scale: scales[index], range: range)
        }
    }

    private static func level(of value: Float, scale: Float, range: ClosedRange<Int>) -> Int8 {
        let level = (value / scale).rounded(.toNearestOrEven)
        guard !level.isNaN else { return Int8(range.lowerBound) }
        return Int8(Swift.min(Swift.max(level, Float(range.lowerBound)), Float(range.upperBound)))
    }
}

extension ReferenceKernels {
    /// See ``Kernels/absoluteMaximum(ofColumns:into:)``.
    package static func absoluteMaximum(ofColumns values: Span<Float>, into largest: inout [Float]) {
        for index in values.indices where abs(values[index]) > largest[index] { largest[index] = abs(values[index]) }
    }

    /// See ``Kernels/zeros(in:)``.
    package static func zeros(in values: Span<Float>) -> Int {
        values.indices.count { values[$0] == 0 }
    }

    /// See ``Kernels/sum(of:)``.
    package static func sum(of values: Span<Float>) -> Double {
        var lanes = [Double](repeating: 0, count: 8)
        let whole = values.count / 8 * 8
        for index in 0..<whole { lanes[index % 8] += Double(values[index]) }
        let total = ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]))
        return (whole..<values.count).reduce(total) { $0 + Double(values[$1]) }
    }

    /// See ``Kernels/addColumns(_:to:)``.
    package static func addColumns(_ values: Span<Float>, to sums: inout [Double]) {
        for index in values.indices { sums[index] += Double(values[index]) }
    }
}
