extension ReferenceKernels {
    /// See ``Kernels/tableMoments(_:levels:thresholds:scales:)``.
    package static func tableMoments(
        _ values: Span<Float>, levels: [Float], thresholds: [Float], scales: [Float]
    ) -> [(products: Float, squares: Float)] {
        scales.map { scale in
            let found = (0..<values.count).map { levels[code(values[$0], thresholds, scale)] }
            return (
                sixteenths(values.count) { values[$0] * found[$0] }, sixteenths(values.count) { found[$0] * found[$0] }
            )
        }
    }

    /// See ``Kernels/tableCodes(_:thresholds:scale:into:at:)``.
    package static func tableCodes(
        _ values: Span<Float>, thresholds: [Float], scale: Float, into codes: inout [UInt8], at start: Int
    ) {
        for index in 0..<values.count { codes[start + index] = UInt8(code(values[index], thresholds, scale)) }
    }

    private static func code(_ value: Float, _ thresholds: [Float], _ scale: Float) -> Int {
        let scaled = value * (1 / scale)
        return thresholds.count { scaled > $0 }
    }
}
