import PithCompression
import PithTensor
import Testing

/// A random layer, and how it is rounded.
struct RoundingCase: Sendable, CustomTestStringConvertible {
    let rows: Int
    let columns: Int
    let bits: Int
    let blockSize: Int?
    let isSymmetric: Bool

    var testDescription: String {
        "\(rows)x\(columns), \(bits) bits, \(blockSize.map { "blocks of \($0)" } ?? "rows")\(isSymmetric ? ", symmetric" : "")"
    }

    static let all = [
        RoundingCase(rows: 1, columns: 1, bits: 4, blockSize: nil, isSymmetric: true),
        RoundingCase(rows: 20, columns: 36, bits: 4, blockSize: nil, isSymmetric: true),
        RoundingCase(rows: 17, columns: 40, bits: 4, blockSize: 16, isSymmetric: false),
        RoundingCase(rows: 33, columns: 24, bits: 2, blockSize: 7, isSymmetric: false),
        RoundingCase(rows: 16, columns: 30, bits: 3, blockSize: 64, isSymmetric: true),
        RoundingCase(rows: 5, columns: 33, bits: 8, blockSize: 8, isSymmetric: false),
    ]

    var rounder: WeightRounder {
        var rounder = WeightRounder()
        rounder.format = LevelFormat(bits: bits, isSymmetric: isSymmetric, scaleType: .float16)
        rounder.blockSize = blockSize
        return rounder
    }

    /// Rows of inputs, and the float weights.
    func numbers() -> (inputs: [Float], weights: [Float]) {
        var numbers = RandomNumbers(seed: UInt64(rows * columns))
        return (numbers.correlated(400, columns: columns), (0..<rows * columns).map { _ in numbers.heavyTailed() })
    }

    func problem(hasBias: Bool = false, damping: Double = 0.01) throws -> RoundingProblem {
        let (inputs, weights) = numbers()
        var moments = SecondMoments(dimension: columns)
        try moments.add(rows: inputs.span)
        return try RoundingProblem(
            named: "w", weights: weights, rows: rows, columns: columns, inputs: moments, hasBias: hasBias,
            damping: damping)
    }
}

@Suite struct WeightRounderTests {
    @Test(arguments: RoundingCase.all, [true, false]) func `feedback gives the levels of textbook GPTQ`(
        _ test: RoundingCase, ordersByActivation: Bool
    ) throws {
        let problem = try test.problem()
        var rounder = test.rounder
        rounder.method = .feedback
        rounder.ordersByActivation = ordersByActivation
        let rounded = try rounder.round(problem), errors = problem.errors(of: rounded.values())
        rounder.method = .nearest
        let nearest = problem.errors(of: try rounder.round(problem).values())
        let diagonal = problem.curvature.diagonal
        let order = diagonal.indices.sorted {
            ordersByActivation && diagonal[$0] != diagonal[$1] ? diagonal[$0] > diagonal[$1] : $0 < $1
        }
        let curvature = diagonal.indices.map { row in diagonal.indices.map { problem.curvature[row, $0] } }
        for row in 0..<test.rows {
            let grid = { (column: Int) in row * rounded.blocks + column / rounded.blockSize }
            let codes = TextbookGPTQ.codes(
                of: (0..<test.columns).map { Double(problem.targets[row * test.columns + $0]) }, curvature: curvature,
                order: order, scale: { Double(rounded.scales[grid($0)]) },
                zero: { Double(rounded.zeroPoints[grid($0)]) },
                top: Double(rounded.format.top))
            // Where the nearest levels are better than GPTQ's, those are kept.
            guard errors[row] < nearest[row] else { continue }
            #expect(rounded.codes[row * test.columns..<(row + 1) * test.columns].map { Int($0) } == codes)
        }
    }

    @Test(arguments: RoundingCase.all) func `each method is at least as good as the one before, row by row`(
        _ test: RoundingCase
    ) throws {
        let problem = try test.problem()
        var totals: [Double] = [], before = [Double](repeating: .infinity, count: test.rows)
        for method in WeightRounder.Method.allCases {
            var rounder = test.rounder
            rounder.method = method
            let errors = problem.errors(of: try rounder.round(problem).values())
            #expect(zip(errors, before).allSatisfy { $0 <= $1 * 1.000001 })
            before = errors
            totals.append(errors.reduce(0, +))
        }
        guard test.columns > 1 else { return }
        #expect(totals[1] < totals[0] * 0.8)
        #expect(totals[2] < totals[1] * 0.98)
    }

    @Test func `errors are those of a plain sum`() throws {
        let problem = try RoundingCase.all[1].problem()
        let values = try RoundingCase.all[1].rounder.round(problem).values()
        for (row, error) in problem.errors(of: values).enumerated() {
            let difference = (0..<36).map { Double(problem.targets[row * 36 + $0]) - Double(values[row * 36 + $0]) }
            #expect(abs(problem.curvature.quadratic(difference) - error) < 1e-9 * error)
        }
    }

    @Test(arguments: RoundingCase.all) func `parts of the rows give the whole, each time the same`(_ test: RoundingCase)
        throws
    {
        let problem = try test.problem(), rounding = try LayerRounding(test.rounder, problem)
        let whole = rounding.rounded(rows: 0..<test.rows)
        #expect(whole == (try test.rounder.round(problem)))
        let parts = stride(from: 0, to: test.rows, by: 3).map { rounding.rounded(rows: $0..<min($0 + 3, test.rows)) }
        #expect(RoundedWeights(joining: parts) == whole)
        #expect(whole.codes.allSatisfy { $0 <= test.rounder.format.top })
        #expect(whole.scales.allSatisfy { $0 > 0 && HalfFloat.float(HalfFloat.bits($0)) == $0 })
    }

    @Test func `independent inputs leave nothing to make up for`() throws {
        var moments = SecondMoments(dimension: 8), numbers = RandomNumbers(seed: 2)
        let rows = (0..<8).flatMap { row in (0..<8).map { $0 == row ? Float(1) : 0 } }
        try moments.add(rows: rows.span)
        let problem = try RoundingProblem(
            named: "w", weights: numbers.normals(24), rows: 3, columns: 8, inputs: moments, hasBias: false)
        var rounder = WeightRounder()
        rounder.refitsScales = false
        let refined = try rounder.round(problem)
        rounder.method = .nearest
        #expect(try rounder.round(problem) == refined)
    }

    @Test func `weights take the bits that the issue counts`() throws {
        var rounder = WeightRounder()
        rounder.blockSize = 32
        let weights = [Float](repeating: 0.5, count: 4 * 64)
        rounder.format = LevelFormat(bits: 4, isSymmetric: false, scaleType: .float16)
        #expect(try rounder.roundToNearest(weights, rows: 4, columns: 64, named: "w").bitsPerWeight == 4.625)
        rounder.format = LevelFormat(bits: 2, isSymmetric: false, zeroPointSteps: 4, scaleType: .float16)
        #expect(try rounder.roundToNearest(weights, rows: 4, columns: 64, named: "w").bitsPerWeight == 2.625)
        rounder.format = LevelFormat(bits: 4, isSymmetric: true, scaleType: .float16)
        #expect(try rounder.roundToNearest(weights, rows: 4, columns: 64, named: "w").bitsPerWeight == 4.5)
    }

    @Test func `rounding to nearest without data needs no moments`() throws {
        var rounder = WeightRounder()
        rounder.format = LevelFormat(bits: 8, isSymmetric: false)
        rounder.criterion = .range
        var numbers = RandomNumbers(seed: 8)
        let weights = numbers.normals(7 * 10)
        let rounded = try rounder.roundToNearest(weights, rows: 7, columns: 10, named: "w")
        #expect(rounded.blocks == 1 && rounded.scales.count == 7)
        for (index, value) in rounded.values().enumerated() {
            #expect(abs(value - weights[index]) <= rounded.scales[index / 10])
        }
    }
}
