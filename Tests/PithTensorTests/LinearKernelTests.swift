import PithTensor
import Testing

/// Numbers for a problem of some columns, sixteen rows side by side.
private struct LaneCase: Sendable, CustomTestStringConvertible {
    let columns: Int
    let top: Int

    var testDescription: String { "\(columns) columns, levels up to \(top)" }

    static let all = [1, 2, 3, 15, 16, 17, 33, 64, 65].flatMap { columns in
        [3, 15, 255].map { LaneCase(columns: columns, top: $0) }
    }

    private func floats(_ count: Int, _ seed: UInt64, _ range: ClosedRange<Float>) -> [Float] {
        var generator = SplitMix64(seed: seed + UInt64(columns))
        return (0..<count).map { _ in Float.random(in: range, using: &generator) }
    }

    /// A symmetric matrix with a heavy diagonal.
    var matrix: [Float] {
        let numbers = floats(columns * columns, 1, -1...1)
        return (0..<columns * columns).map { index in
            let row = index / columns, column = index % columns
            return row == column
                ? Float(columns) : numbers[min(row, column) * columns + max(row, column)]
        }
    }

    var target: [Float] { floats(columns * 16, 2, -2...2) }
    var groups: [UInt32] { (0..<columns).map { UInt32($0 / 5) } }
    var scales: [Float] { floats((columns / 5 + 1) * 16, 3, 0.01...0.5) }
    var zeroPoints: [Float] { floats((columns / 5 + 1) * 16, 4, 0...Float(top)).map { ($0 * 4).rounded() / 4 } }
    var codes: [UInt8] {
        var generator = SplitMix64(seed: 5)
        return (0..<columns * 16).map { _ in UInt8.random(in: 0...UInt8(top), using: &generator) }
    }
}

/// The kernels of weight rounding against their plain twins, bit for bit.
@Suite struct LinearKernelTests {
    @Test(arguments: [0, 1, 7, 128]) func `panel products are the twin's`(rows: Int) {
        var generator = SplitMix64(seed: 9)
        let left = (0..<rows * 32).map { _ in Float.random(in: -3...3, using: &generator) }
        let right = (0..<rows * 32).map { _ in Float.random(in: -3...3, using: &generator) }
        var fast = [Double](repeating: 0.25, count: 3000), plain = fast
        Kernels.addPanelProducts(left.span, right.span, rows: rows, to: &fast, stride: 70, at: 11)
        ReferenceKernels.addPanelProducts(left.span, right.span, rows: rows, to: &plain, stride: 70, at: 11)
        #expect(fast == plain)
    }

    @Test(arguments: LaneCase.all) fileprivate func `solutions are the twin's`(_ numbers: LaneCase) {
        let factor = numbers.matrix.map { Double($0) }, start = numbers.target.map { Double($0) }
        for isTransposed in [false, true] {
            var fast = start, plain = start
            Kernels.solve(factor: factor.span, dimension: numbers.columns, isTransposed: isTransposed, lanes: &fast)
            ReferenceKernels.solve(
                factor: factor.span, dimension: numbers.columns, isTransposed: isTransposed, lanes: &plain)
            #expect(fast == plain)
        }
    }

    @Test(arguments: LaneCase.all) fileprivate func `products and quadratic forms are the twin's`(_ numbers: LaneCase) {
        let matrix = numbers.matrix, doubles = matrix.map { Double($0) }, target = numbers.target
        #expect(
            Kernels.quadratic(doubles.span, dimension: numbers.columns, lanes: target.map { Double($0) })
                == ReferenceKernels.quadratic(
                    doubles.span, dimension: numbers.columns, lanes: target.map { Double($0) }))
        var fast = numbers.target, plain = fast
        let columns = numbers.columns / 3..<numbers.columns
        Kernels.addLaneProducts(
            matrix.span, dimension: numbers.columns, lanes: target, columns: columns, to: &fast)
        ReferenceKernels.addLaneProducts(
            matrix.span, dimension: numbers.columns, lanes: target, columns: columns, to: &plain)
        #expect(fast == plain)
    }

    @Test(arguments: LaneCase.all) fileprivate func `rounding with feedback is the twin's`(_ numbers: LaneCase) {
        // A tenth of the matrix, so that errors do not grow without bound on their way.
        let factor = numbers.matrix.map { $0 / 10 }
        var fast = numbers.codes, plain = fast
        Kernels.roundWithFeedback(
            factor: factor.span, target: numbers.target, groups: numbers.groups, scales: numbers.scales,
            zeroPoints: numbers.zeroPoints, top: numbers.top, codes: &fast)
        ReferenceKernels.roundWithFeedback(
            factor: factor.span, target: numbers.target, groups: numbers.groups, scales: numbers.scales,
            zeroPoints: numbers.zeroPoints, top: numbers.top, codes: &plain)
        #expect(fast == plain)
        #expect(fast.allSatisfy { $0 <= numbers.top })
    }

    @Test(arguments: LaneCase.all) fileprivate func `descent is the twin's and comes to rest`(_ numbers: LaneCase) {
        let matrix = numbers.matrix
        var fast = numbers.codes, plain = fast, slopes = numbers.target, twin = slopes
        var changes: [Int] = []
        for _ in 0..<40 {
            changes.append(
                Kernels.descend(
                    matrix: matrix.span, groups: numbers.groups, scales: numbers.scales,
                    zeroPoints: numbers.zeroPoints, top: numbers.top, slopes: &slopes, codes: &fast))
            let expected = ReferenceKernels.descend(
                matrix: matrix.span, groups: numbers.groups, scales: numbers.scales, zeroPoints: numbers.zeroPoints,
                top: numbers.top, slopes: &twin, codes: &plain)
            #expect(changes.last == expected)
        }
        #expect(fast == plain)
        #expect(slopes == twin)
        #expect(changes.last == 0)
    }

    @Test(arguments: [0, 1, 15, 16, 17, 32, 47, 300]) func `errors of grids are the twin's`(count: Int) {
        var generator = SplitMix64(seed: 3)
        let values = (0..<count).map { _ in Float.random(in: -2...2, using: &generator) }
        let importance = (0..<count).map { _ in Float.random(in: 0...4, using: &generator) }
        let scales: [Float] = [0.01, 0.3, 2], zeros: [Float] = [7.5, 3, 0]
        for top in [3, 15, 255] {
            #expect(
                Kernels.gridErrors(
                    values.span, importance: importance.span, scales: scales, zeroPoints: zeros, top: top)
                    == ReferenceKernels.gridErrors(
                        values.span, importance: importance.span, scales: scales, zeroPoints: zeros, top: top))
            let fast = Kernels.gridMoments(
                values.span, importance: importance.span, scale: 0.3, zeroPoint: 2.25, top: top)
            let plain = ReferenceKernels.gridMoments(
                values.span, importance: importance.span, scale: 0.3, zeroPoint: 2.25, top: top)
            #expect(fast == plain)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 8, 31, 32, 33, 67, 100]) func `a Cholesky factor gives its matrix back`(count: Int)
    {
        var generator = SplitMix64(seed: UInt64(count))
        var matrix = [Double](repeating: 0, count: count * count)
        for row in 0..<count {
            for column in 0...row {
                let value = row == column ? Double(count) : Double.random(in: -1...1, using: &generator)
                matrix[row * count + column] = value
                matrix[column * count + row] = value
            }
        }
        var factor = matrix
        #expect(Kernels.cholesky(&factor, dimension: count) == nil)
        for row in 0..<count {
            for column in 0..<count {
                guard column <= row else {
                    #expect(factor[row * count + column] == matrix[row * count + column])
                    continue
                }
                let product = (0...column).reduce(0) { $0 + factor[row * count + $1] * factor[column * count + $1] }
                #expect(abs(product - matrix[row * count + column]) < 1e-12 * Double(count))
            }
        }
    }

    @Test func `the first pivot that is not positive is named`() {
        for (bad, value) in [(0, 0.0), (5, -1), (40, .nan), (40, 0)] {
            var matrix = [Double](repeating: 0, count: 41 * 41)
            for index in 0..<41 { matrix[index * 41 + index] = index == bad ? value : 2 }
            #expect(Kernels.cholesky(&matrix, dimension: 41) == bad)
        }
    }
}
