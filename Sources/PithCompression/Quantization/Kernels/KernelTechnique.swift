import PithModel

/// A technique that gives weights to kernels which use them as they are stored, where that is sound and faster.
protocol KernelTechnique: Technique {
    /// Output SQNR on calibration rows, in dB, at which a result counts as sound.
    var targetSQNR: Double { get }
    /// How far below the same weights computed in float a result under the target may lie, in dB, and still be sound.
    var allowedLoss: Double { get }
    /// Output SQNR on calibration rows, in dB, that is enough for a result half as fast again as every sound one; 0: none is.
    var fastSQNR: Double { get }
    /// How many times faster than before a result must be.
    var minimumSpeedup: Double { get }
    /// What is done, in words that follow a number of weights.
    var deed: String { get }
}

extension KernelTechnique {
    /// Refuses limits that mean nothing.
    func validateLimits() throws(CompressionError) {
        guard allowedLoss >= 0 else {
            throw Self.invalid("allowedLoss", "\(allowedLoss) is negative.", remedy: "Use 0 to 4.")
        }
        guard fastSQNR >= 0, fastSQNR <= targetSQNR else {
            throw Self.invalid(
                "fastSQNR", "\(fastSQNR) lies outside 0...\(targetSQNR), the target.",
                remedy: "Use 20 to 28, or 0 for the target alone.")
        }
        guard minimumSpeedup >= 0 else {
            throw Self.invalid("minimumSpeedup", "\(minimumSpeedup) is negative.", remedy: "Use 0 to accept any speed.")
        }
    }

    /// Says of weights that another stage may take why no kernel uses them.
    func explain(_ weights: [KernelCandidate.Encoded], _ reason: String, _ piece: inout Workpiece) {
        for weight in weights {
            let name = weight.entry.name, old = piece.floatReasons[name].map { "\($0); " } ?? ""
            piece.floatReasons[name] = "\(old)\(deed): \(reason)"
        }
    }
}
