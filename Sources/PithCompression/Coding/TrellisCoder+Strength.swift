extension TrellisCoder {
    /// The widest and the finest step.
    static let steps = 0.01...4.0

    /// Makes the steps wider by so many sixteenths of an octave, as far as they may go; four digits of them are kept.
    mutating func widen(sixteenths: Int) {
        var factor = 1.0
        // 2^(1/16), by products alone: the same on every processor.
        for _ in 0..<abs(sixteenths) { factor *= 1.0442737824274138 }
        let wanted = sixteenths < 0 ? step / factor : step * factor, limits = Self.steps
        let digits = wanted < 0.1 ? 1e5 : 1e4
        step = min(max((wanted * digits).rounded() / digits, limits.lowerBound), limits.upperBound)
    }
}

extension Recipe {
    /// Whether a stage can be made stronger without end, and saves in a container's coding alone.
    var hasStrength: Bool { stages.contains { $0.technique is TrellisCoder } }
}
