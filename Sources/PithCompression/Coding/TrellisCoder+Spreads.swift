import Foundation
import PithEvaluation
import PithFormats
import PithModel
import PithTensor

extension TrellisCoder {
    /// What the steps of the weights are measured in, by qualified names; those that are not named have their own spread.
    func spreads(of model: Model, _ data: Dataset?, in context: StageContext) async throws -> [String: Double] {
        guard scope == .model || scope == .outputs && data != nil else { return [:] }
        let weights = verdicts(on: model, in: context).compactMap { name, tensor, verdict -> WeightSpread? in
            guard case .success(let part) = verdict else { return nil }
            return WeightSpread(name: name, tensor: tensor, part: part)
        }
        guard scope == .outputs, let data else {
            let count = weights.reduce(0) { $0 + $1.tensor.count }
            let common = (weights.reduce(0) { $0 + $1.energy } / Double(max(count, 1))).squareRoot()
            return weights.reduce(into: [:]) { $0[$1.name] = common }
        }
        let known = weights.filter { model.graph.weights[$0.name] != nil && $0.energy > 0 && $0.energy.isFinite }
        return try await felt(known, model, data, context)
    }

    /// Steps for the least noise at the outputs in as many bits.
    ///
    /// The noise of a weight grows with the square of its step, and its bits fall with the logarithm; so the least sum of noise at
    /// given bits has the same noise for each number, whatever weight it stands in.
    ///
    /// - Reference: Zhou et al., "Adaptive Quantization for Deep Neural Network", AAAI 2018 (bits by noise measured at the outputs).
    private func felt(
        _ weights: [WeightSpread], _ model: Model, _ data: Dataset, _ context: StageContext
    ) async throws -> [String: Double] {
        context.progress("measuring how much \(weights.count) weights are felt")
        let sensitivity = try WeightSensitivity(
            model, weights.map(\.name), trials: weights.count, source: FidelitySource(data), rows: usedRows(of: data))
        var plain = self
        (plain.states, plain.rateWeight, plain.step) = (1, 0, Self.probe)
        let rounder = plain
        let noises = try await Parallel.map(weights, threads: context.threads) { weight in
            try Task.checkCancellation()
            let form = try rounder.encode(weight.tensor, named: weight.name, weight.part)
            return try sensitivity.noise(of: weight.name, as: form.decoded())
        }
        // What makes the noise of a number the same in each weight. A weight that is not felt at all keeps its own spread.
        let shares = zip(weights, noises).map { weight, noise in
            noise > 0 && noise.isFinite ? (Double(weight.tensor.count) / noise).squareRoot() : nil
        }
        let seen = zip(weights, shares).filter { $1 != nil }
        let count = seen.reduce(0) { $0 + Double($1.0.tensor.count) }
        let mean = seen.reduce(0) { $0 + Double($1.0.tensor.count) * Foundation.log($1.1 ?? 1) } / max(count, 1)
        var spreads: [String: Double] = [:]
        for (weight, share) in zip(weights, shares) {
            guard let share else { continue }
            let factor = min(max(share / Foundation.exp(mean), 1 / Self.mostStretch), Self.mostStretch)
            spreads[weight.name] = weight.tensor.withElements(as: Float.self) { LevelSteps.spread(of: $0) } * factor
        }
        return spreads
    }

    /// The step that noise is measured with, whatever steps are asked for: wider ones then have the same proportions.
    private static let probe = 0.2
    /// How far a step goes from what the weight's own spread would give, either way.
    private static let mostStretch = 8.0
}

/// A weight with its energy.
private struct WeightSpread: Sendable {
    let name: String
    let tensor: Tensor
    let part: LayerWeight
    let energy: Double

    init(name: String, tensor: Tensor, part: LayerWeight) {
        (self.name, self.tensor, self.part) = (name, tensor, part)
        energy = tensor.withElements(as: Float.self) { LevelSteps.energy(of: $0) }
    }
}
