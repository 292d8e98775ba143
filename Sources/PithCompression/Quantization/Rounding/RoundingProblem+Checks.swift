import PithTensor

extension RoundingProblem {
    static func check(
        _ name: String, _ weights: [Float], _ rows: Int, _ columns: Int
    ) throws(CompressionError) {
        guard rows > 0, columns > 0, Shape.product(of: [rows, columns]) == weights.count else {
            throw CompressionError(
                code: .unsupportedShape, subject: name,
                problem: "\(weights.count) weights do not fill \(rows) rows of \(columns).",
                remedy: "Exclude this weight with `where`.")
        }
        let bad = Kernels.range(of: weights.span).nonFinite
        guard bad == 0 else {
            throw CompressionError(
                code: .nonFiniteWeight, subject: name, problem: "\(bad) of its values are NaN or infinite.",
                remedy: "Repair the model, or exclude this weight with `where`.")
        }
    }

    static func check(_ name: String, _ damping: Double, _ strength: Double) throws(CompressionError) {
        guard damping > 0, damping.isFinite else {
            throw CompressionError(
                code: .invalidSetting, subject: name, problem: "A damping of \(damping) is not above 0.",
                remedy: "Use 0.1, or leave it out.")
        }
        guard (0...1).contains(strength) else {
            throw CompressionError(
                code: .invalidSetting, subject: name, problem: "A strength of \(strength) is not within 0 and 1.",
                remedy: "Use 1 to aim at the float outputs, 0 to keep to the float weights.")
        }
    }

    static func check(
        _ name: String, _ rows: Int, _ columns: Int, _ inputs: SecondMoments, _ outputs: CrossMoments?
    ) throws(CompressionError) {
        guard inputs.dimension == columns, outputs.map({ $0.inputDimension == columns }) ?? true,
            outputs.map({ $0.outputDimension == rows }) ?? true
        else {
            throw CompressionError(
                code: .unsupportedShape, subject: name,
                problem: "its \(rows) rows of \(columns) do not fit the \(inputs.dimension) inputs that were seen.",
                remedy: "Exclude this weight with `where`.")
        }
        guard inputs.count > 0, outputs.map({ $0.count == inputs.count }) ?? true else {
            throw CompressionError(
                code: .missingData, subject: name,
                problem: "\(inputs.count) inputs were seen, and \(outputs?.count ?? inputs.count) outputs.",
                remedy: "Give calibration rows that reach this layer.")
        }
    }

    static func overflow(_ name: String) -> CompressionError {
        CompressionError(
            code: .invalidData, subject: name, problem: "The products of its inputs leave the range of a float.",
            remedy: "Leave the samples out that overflow, or exclude this weight with `where`.")
    }

    static func weakDamping(_ name: String) -> CompressionError {
        CompressionError(
            code: .invalidSetting, subject: name, problem: "Its inputs depend on each other too much for this damping.",
            remedy: "Raise the damping, or give more calibration rows.")
    }
}
