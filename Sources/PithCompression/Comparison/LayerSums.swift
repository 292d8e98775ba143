import PithEvaluation
import PithTensor

/// The errors of layers as they add up.
struct LayerSums {
    /// Noise of one value before and after it is rounded.
    private struct Noise {
        var plain = SignalToNoise()
        var rounded = SignalToNoise()
        /// Whether the models answered in different shapes.
        var isMisshapen = false
    }

    /// Rows looked at.
    var rows = 0
    private var own: [String: Noise] = [:]
    private var whole: [String: Noise] = [:]

    /// Counts what the layers made of the reference's values (`isOwn`), or of the candidate's.
    mutating func add(
        _ pairs: [LayerMatch.Pair], _ exact: [String: Tensor], isOwn: Bool,
        plain: (LayerMatch.Pair) -> Tensor?, rounded: (LayerMatch.Pair) -> Tensor?
    ) {
        for pair in pairs {
            guard let value = exact[pair.reference], let found = plain(pair) else { continue }
            var noise = (isOwn ? own : whole)[pair.candidate] ?? Noise()
            if !noise.plain.add(value, found) { noise.isMisshapen = true }
            if let rounded = rounded(pair), !noise.rounded.add(pair.isRectified ? value.rectified : value, rounded) {
                noise.isMisshapen = true
            }
            if isOwn { own[pair.candidate] = noise } else { whole[pair.candidate] = noise }
        }
    }

    /// Forgets own errors, which some rows are missing from.
    mutating func dropOwn() { own = [:] }

    /// Values of another shape in the two models.
    var misshapen: Int { whole.values.count { $0.isMisshapen } }

    /// The figures of a layer; nil where its output has another shape.
    func error(of layer: LayerMatch.Layer) -> LayerError? {
        let value = layer.pair.candidate
        guard let all = whole[value], !all.isMisshapen else { return nil }
        let alone = own[value].flatMap { $0.isMisshapen ? nil : $0 }, isRounded = layer.pair.rounded != nil
        return LayerError(
            layer: layer.name, operation: layer.operation, output: layer.pair.reference, companions: layer.companions,
            ownSqnrDB: alone?.plain.decibels, sqnrDB: all.plain.decibels,
            ownRoundedSqnrDB: isRounded ? alone?.rounded.decibels : nil,
            roundedSqnrDB: isRounded ? all.rounded.decibels : nil)
    }
}

extension Tensor {
    /// The numbers without those below zero, which become zero.
    fileprivate var rectified: Tensor {
        floats().map { Tensor($0.map { max($0, 0) }, shape: shape) } ?? self
    }
}
