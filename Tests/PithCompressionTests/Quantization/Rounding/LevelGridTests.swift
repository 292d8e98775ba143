import PithCompression
import PithTensor
import Testing

/// A format to fit grids of.
struct GridCase: Sendable, CustomTestStringConvertible {
    let format: LevelFormat

    var testDescription: String {
        "\(format.bits) bits\(format.isSymmetric ? " symmetric" : ", 1/\(format.zeroPointSteps)") \(format.scaleType)"
    }

    static let all: [GridCase] = [2, 3, 4, 8].flatMap { bits in
        [LevelFormat.ScaleType.float32, .float16].flatMap { type in
            [(true, 1), (false, 1), (false, 2), (false, 4)].map { symmetric, steps in
                GridCase(
                    format: LevelFormat(bits: bits, isSymmetric: symmetric, zeroPointSteps: steps, scaleType: type))
            }
        }
    }
}

@Suite struct LevelGridTests {
    private func fit(
        _ values: [Float], _ format: LevelFormat, _ criterion: LevelGridFitter.Criterion, importance: [Float]? = nil
    ) -> LevelGrid {
        let importance = importance ?? values.map { _ in 1 }
        return LevelGridFitter(format: format, criterion: criterion).grid(
            for: values.span, importance: importance.span)
    }

    private func error(_ values: [Float], _ grid: LevelGrid, importance: [Float]? = nil) -> Double {
        values.indices.reduce(0) { sum, index in
            let error = Double(values[index]) - Double(grid.value(of: grid.code(of: values[index])))
            return sum + error * error * Double(importance?[index] ?? 1)
        }
    }

    @Test(arguments: GridCase.all) func `a grid over the whole range errs by a step at most`(_ grid: GridCase) {
        for seed in 1...8 as ClosedRange<UInt64> {
            var numbers = RandomNumbers(seed: seed)
            let values = numbers.normals(32), fitted = fit(values, grid.format, .range)
            // Half a level for rounding, half of a zero point's step, and what a 16-bit scale falls short of.
            let bound = fitted.scale * (grid.format.isSymmetric ? 0.5 : 1) + 0.002 * (values.map { abs($0) }.max() ?? 0)
            for value in values { #expect(abs(fitted.value(of: fitted.code(of: value)) - value) <= bound * 1.0001) }
        }
    }

    @Test(arguments: GridCase.all) func `the fitted grid is never worse than the whole range`(_ grid: GridCase) {
        var fitted = 0.0, whole = 0.0
        for seed in 1...40 as ClosedRange<UInt64> {
            var numbers = RandomNumbers(seed: seed)
            let values = (0..<32).map { _ in numbers.heavyTailed() }, importance = numbers.normals(32).map { abs($0) }
            let best = error(
                values, fit(values, grid.format, .squaredError, importance: importance), importance: importance)
            let range = error(values, fit(values, grid.format, .range), importance: importance)
            #expect(best <= range * 1.00001)
            fitted += best
            whole += range
        }
        // Clipping pays the more, the fewer levels there are.
        #expect(fitted < whole * (grid.format.bits == 8 ? 1 : grid.format.bits == 4 ? 0.9 : 0.8))
    }

    @Test(arguments: GridCase.all) func `scales and zero points can be stored`(_ grid: GridCase) {
        let format = grid.format, limit = Float(1 << format.bits)
        for seed in 1...8 as ClosedRange<UInt64> {
            var numbers = RandomNumbers(seed: seed)
            let values = numbers.normals(16).map { $0 + Float(seed) - 4 }
            let fitted = fit(values, format, .squaredError)
            #expect(
                (fitted.zeroPoint * Float(format.zeroPointSteps)).rounded() / Float(format.zeroPointSteps)
                    == fitted.zeroPoint)
            #expect(fitted.zeroPoint >= 0 && fitted.zeroPoint < limit)
            #expect(!format.isSymmetric || fitted.zeroPoint == limit / 2)
            #expect(fitted.scale > 0 && fitted.scale.isFinite)
            if format.scaleType == .float16 { #expect(HalfFloat.float(HalfFloat.bits(fitted.scale)) == fitted.scale) }
        }
    }

    @Test(arguments: GridCase.all) func `zeros, constants, tiny and huge weights get a sound grid`(_ grid: GridCase) {
        for values in [
            [0, 0, 0], [5, 5, 5], [-5, -5, -5], [1e-30, -1e-30], [.leastNonzeroMagnitude, 0], [3e38, -3e38], [],
        ] as [[Float]] {
            for criterion in [LevelGridFitter.Criterion.range, .squaredError] {
                let fitted = fit(values, grid.format, criterion)
                #expect(fitted.scale > 0 && fitted.scale.isFinite)
                #expect(values.allSatisfy { fitted.value(of: fitted.code(of: $0)).isFinite })
            }
        }
        #expect(
            fit([0, 0], grid.format, .squaredError).value(of: fit([0, 0], grid.format, .squaredError).code(of: 0)) == 0)
        #expect(abs(error([5, 5, 5], fit([5, 5, 5], grid.format, .squaredError))) < 0.001)
    }

    @Test func `importance decides what is clipped`() {
        let values: [Float] = [10, 1, 0.9, -0.8, 0.7, -1, 0.3, -0.5], format = LevelFormat(bits: 2, isSymmetric: false)
        let small = fit(values, format, .squaredError, importance: [0, 1, 1, 1, 1, 1, 1, 1])
        let large = fit(values, format, .squaredError, importance: [1, 0, 0, 0, 0, 0, 0, 0])
        #expect(small.value(of: small.code(of: 10)) < 5)
        #expect(abs(large.value(of: large.code(of: 10)) - 10) < 0.01)
    }

    @Test func `groups take the bits that their format says`() {
        #expect(LevelFormat(bits: 4, isSymmetric: true).groupBits == 32)
        #expect(LevelFormat(bits: 4, isSymmetric: false, scaleType: .float16).groupBits == 20)
        #expect(LevelFormat(bits: 2, isSymmetric: false, zeroPointSteps: 4, scaleType: .float16).groupBits == 20)
        #expect(LevelFormat(bits: 3, isSymmetric: false, zeroPointSteps: 2).groupBits == 36)
    }

    @Test func `codes round ties to even and stop at the ends`() {
        let grid = LevelGrid(scale: 0.5, zeroPoint: 8, format: LevelFormat(bits: 4, isSymmetric: true))
        #expect(
            [0, 0.25, 0.75, -0.25, 3.5, 9, -4, -9, .nan].map { grid.code(of: $0) } == [8, 8, 10, 8, 15, 15, 0, 0, 0])
        #expect(grid.value(of: 0) == -4)
        #expect(grid.value(of: 15) == 3.5)
    }
}
