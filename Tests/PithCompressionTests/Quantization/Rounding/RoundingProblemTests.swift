import PithCompression
import PithTensor
import Testing

@Suite struct RoundingProblemTests {
    private let test = RoundingCase(rows: 6, columns: 20, bits: 4, blockSize: nil, isSymmetric: false)

    /// Inputs, the wanted outputs `weights x + shift`, and their moments.
    private func moments(weights: [Float], shift: [Float]) throws -> (SecondMoments, CrossMoments) {
        let (inputs, _) = test.numbers(), columns = test.columns
        var outputs: [Float] = []
        for start in stride(from: 0, to: inputs.count, by: columns) {
            for row in 0..<test.rows {
                let product = (0..<columns).reduce(0.0) {
                    $0 + Double(weights[row * columns + $1]) * Double(inputs[start + $1])
                }
                outputs.append(Float(product) + shift[row])
            }
        }
        var second = SecondMoments(dimension: columns), cross = CrossMoments(outputs: test.rows, inputs: columns)
        try second.add(rows: inputs.span)
        try cross.add(outputs: outputs.span, inputs: inputs.span)
        return (second, cross)
    }

    @Test func `targets are the weights that give the wanted outputs, and the bias takes up the rest`() throws {
        let (_, weights) = test.numbers()
        let wanted = weights.map { $0 * 0.75 + 0.1 }, shift: [Float] = [1, -2, 3, 0, 0.5, -0.25]
        let (second, cross) = try moments(weights: wanted, shift: shift)
        let problem = try RoundingProblem(
            named: "w", weights: weights, rows: 6, columns: 20, inputs: second, outputs: cross, hasBias: true,
            damping: 1e-6)
        for (target, wanted) in zip(problem.targets, wanted) { #expect(abs(target - wanted) < 2e-3) }
        for (bias, shift) in zip(problem.bias(for: wanted), shift) { #expect(abs(bias - Double(shift)) < 1e-4) }
        let half = try RoundingProblem(
            named: "w", weights: weights, rows: 6, columns: 20, inputs: second, outputs: cross, hasBias: true,
            damping: 1e-6, strength: 0.5)
        for index in weights.indices {
            #expect(abs(half.targets[index] - (weights[index] + wanted[index]) / 2) < 2e-3)
        }
        let none = try RoundingProblem(
            named: "w", weights: weights, rows: 6, columns: 20, inputs: second, outputs: cross, hasBias: true,
            strength: 0)
        #expect(none.targets == weights)
    }

    @Test func `outputs of the float weights change nothing`() throws {
        let (_, weights) = test.numbers()
        let (second, cross) = try moments(weights: weights, shift: [Float](repeating: 0, count: 6))
        for hasBias in [true, false] {
            let problem = try RoundingProblem(
                named: "w", weights: weights, rows: 6, columns: 20, inputs: second, outputs: cross, hasBias: hasBias)
            for (target, weight) in zip(problem.targets, weights) { #expect(abs(target - weight) < 1e-4) }
            #expect(problem.bias(for: weights).allSatisfy { abs($0) < 1e-4 })
        }
    }

    @Test func `without wanted outputs the bias makes up for what rounding does to the mean`() throws {
        let problem = try test.problem(hasBias: true), rounded = try test.rounder.round(problem).values()
        let bias = problem.bias(for: rounded)
        for row in 0..<6 {
            let shift = (0..<20).reduce(0.0) {
                let index = row * 20 + $1
                return $0 + (Double(problem.weights[index]) - Double(rounded[index])) * problem.inputMeans[$1]
            }
            #expect(abs(bias[row] - shift) < 1e-9)
        }
        // Centered moments leave the means out of the error.
        let centered = problem.curvature.diagonal, raw = try test.problem().curvature.diagonal
        #expect(zip(centered, raw).contains { $0 < $1 * 0.9 })
    }

    @Test func `inputs that are always zero round like independent ones`() throws {
        var moments = SecondMoments(dimension: 4)
        try moments.add(rows: [Float](repeating: 0, count: 40).span)
        let problem = try RoundingProblem(
            named: "w", weights: [1, -2, 3, -4], rows: 1, columns: 4, inputs: moments, hasBias: true)
        let rounded = try WeightRounder().round(problem)
        for (value, weight) in zip(rounded.values(), [1, -2, 3, -4] as [Float]) { #expect(abs(value - weight) < 0.3) }
    }

    @Test func `weights, moments and settings that can not be are refused`() throws {
        var moments = SecondMoments(dimension: 2)
        func code(
            _ weights: [Float] = [1, 2], rows: Int = 1, columns: Int = 2, damping: Double = 0.01, strength: Double = 1,
            outputs: CrossMoments? = nil
        ) -> CompressionError.Code? {
            #expect(throws: CompressionError.self) {
                try RoundingProblem(
                    named: "w", weights: weights, rows: rows, columns: columns, inputs: moments, outputs: outputs,
                    hasBias: false, damping: damping, strength: strength)
            }?.code
        }
        #expect(code() == .missingData)
        try moments.add(rows: [1, 2, 3, 4].span)
        #expect(code([1, .nan]) == .nonFiniteWeight)
        #expect(code([1, -.infinity]) == .nonFiniteWeight)
        #expect(code([1, 2, 3]) == .unsupportedShape)
        #expect(code([], rows: 0) == .unsupportedShape)
        #expect(code(rows: 2, columns: 1) == .unsupportedShape)
        #expect(code(outputs: CrossMoments(outputs: 3, inputs: 2)) == .unsupportedShape)
        #expect(code(outputs: CrossMoments(outputs: 1, inputs: 2)) == .missingData)
        #expect(code(damping: 0) == .invalidSetting)
        #expect(code(damping: .nan) == .invalidSetting)
        #expect(code(strength: 1.5) == .invalidSetting)
        var huge = SecondMoments(dimension: 2)
        try huge.add(rows: [3e30, 3e30].span)
        moments = huge
        #expect(code() == .invalidData)
        var rounder = WeightRounder()
        rounder.blockSize = 0
        let error = #expect(throws: CompressionError.self) {
            try rounder.roundToNearest([1, 2], rows: 1, columns: 2, named: "w")
        }
        #expect(error?.code == .invalidSetting)
        #expect(error?.subject == "w")
    }
}
