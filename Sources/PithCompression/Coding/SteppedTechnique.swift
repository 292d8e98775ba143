/// A technique whose levels lie a step apart that can be as wide as a size asks for.
protocol SteppedTechnique: Technique {
    /// Distance of neighbouring levels, in root mean squares of a weight; 0 for levels that bits set.
    var step: Double { get set }
    /// Whether steps come of data alone.
    var needsData: Bool { get }
}

extension SteppedTechnique {
    /// The widest and the finest step.
    static var steps: ClosedRange<Double> { 0.01...4 }

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

extension TrellisCoder: SteppedTechnique {
    var needsData: Bool { false }
}

extension GPTQQuantizer: SteppedTechnique {
    var needsData: Bool { true }
}

extension Stage {
    /// The technique, where its strength is a step.
    func stepped(hasData: Bool) -> (any SteppedTechnique)? {
        (technique as? any SteppedTechnique).flatMap { $0.step > 0 && (hasData || !$0.needsData) ? $0 : nil }
    }
}

extension Recipe {
    /// Whether a stage can be made stronger without end.
    func hasStrength(hasData: Bool) -> Bool { stages.contains { $0.stepped(hasData: hasData) != nil } }

    /// Whether what a stage saves is in a container's coding alone.
    var isForContainers: Bool { hasStrength(hasData: true) }
}
