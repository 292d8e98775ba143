import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Finds the weights that are worth kernels which use them as they are stored, by measuring on held-out calibration rows.
///
/// Candidates, for each kind of kernel: every layer; the recurrent layers alone; the products alone. Sound is an output
/// (the worst of all, states among them) of `targetSQNR`, or within `allowedLoss` of the same weights computed in float. Of
/// those that are sound and fast enough the fastest is taken, and of two about as fast the more accurate. A result of
/// `fastSQNR` that is half as fast again as all of these goes first, and what saves little must lose little (``ErrorPrice``).
///
/// Where all products together err too much, those are taken that err the least for what they compute, as many as keep
/// the output sound: each one's own effect on the output is measured, then their number is found by bisection.
struct KernelSearch {
    let settings: any KernelTechnique
    let context: StageContext

    /// Products of which it is worth taking only some.
    private static let fewestProducts = 3
    /// How many times faster they have to make the model, as they take all the error that is allowed.
    private static let leastSpeedup = 1.1

    /// Settles the best of the `options` for `model` on the bench, if any is worth it.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func run(_ options: [KernelOption], _ model: Model, _ piece: inout Workpiece) async throws {
        guard let dataset = context.dataset else { return }
        let (seen, heldOut) = StaticSearch.split(dataset.calibrationRows)
        let bench = try await CandidateBench(
            model: piece.unsmoothed?.model ?? piece.model, original: piece.original, source: FidelitySource(dataset),
            rows: heldOut, in: context)
        var trials = options.map { KernelTrials(settings, model: model, option: $0, bench: bench) }
        var tried = [[KernelTrials.Measured]](repeating: [], count: options.count)
        for (place, option) in options.enumerated() {
            for (label, chosen) in option.sets {
                try Task.checkCancellation()
                context.progress("measuring \(label)")
                tried[place].append(try await trials[place].measure(label, chosen))
            }
        }
        // The last candidate of each has all products; where one of those is sound, none has to leave products out.
        if tried.allSatisfy({ $0.last?.fault == .error || $0.last?.fault == .refused }) {
            for place in options.indices where tried[place].last?.fault == .error {
                let some = try await someProducts(seen, tried[place], &trials[place])
                if let some { tried[place].append(some) }
            }
        }
        let weights = options.first?.weights ?? []
        try settle(tried.flatMap { $0 }, weights, StaticSearch.name(ofMeasured: heldOut, beside: seen), &piece)
    }

    /// Puts the best of what was tried on the bench, with the account of all.
    private func settle(
        _ tried: [KernelTrials.Measured], _ weights: [KernelCandidate.Encoded], _ rows: String,
        _ piece: inout Workpiece
    ) throws {
        var reasons: [String: String] = [:]
        for measured in tried {
            guard let fault = measured.fault else { continue }
            for weight in measured.candidate.taken { reasons[weight.entry.name] = fault.rawValue }
        }
        func better(_ old: KernelTrials.Measured?, _ new: KernelTrials.Measured) -> KernelTrials.Measured {
            old.map { new.isBetter(than: $0) ? new : $0 } ?? new
        }
        let sound = tried.filter { $0.fault != .error && $0.fault != .refused }.compactMap(\.speedup).max()
        let fast = tried.filter {
            $0.fault == .error && ($0.speedup ?? 0) >= settings.minimumSpeedup
                && ErrorPrice.isUnsoundPaid(by: $0.speedup, beside: sound)
        }
        let best = fast.reduce(nil, better) ?? tried.filter { $0.fault == nil }.reduce(nil, better)
        for measured in tried where measured.label != best?.label {
            piece.note("Tried and not taken: \(settings.deed) in \(measured.figures).")
        }
        let usesProducts = best?.candidate.taken.contains { $0.entry.part.layer == .product } ?? false
        if !usesProducts { try piece.restoreUnsmoothed() }
        piece.unsmoothed = nil
        if let best {
            let candidate = usesProducts ? best.candidate : best.candidate.carried(to: piece.model)
            candidate.settle(&piece, by: type(of: settings).name)
            piece.note(
                "\(settings.deed.prefix(1).uppercased())\(settings.deed.dropFirst()) in \(best.figures) on \(rows).")
        }
        let taken = Set(best?.candidate.taken.map(\.entry.name) ?? [])
        for weight in weights where !taken.contains(weight.entry.name) {
            settings.explain([weight], reasons[weight.entry.name] ?? "others gain more", &piece)
        }
    }

    // MARK: Some products

    /// The products that keep the output sound, where all of them do not; with the recurrent layers, if they are sound.
    private func someProducts(
        _ seen: Range<Int>, _ tried: [KernelTrials.Measured], _ trials: inout KernelTrials
    ) async throws -> KernelTrials.Measured? {
        let option = trials.option,
            products = option.weights.filter { weight in
                weight.entry.part.layer == .product && option.folded.graph.weights[weight.entry.name] != nil
            }
        guard products.count >= KernelSearch.fewestProducts else { return nil }
        let others = tried.first { $0.label.hasPrefix("recurrent layers") && $0.fault == nil }?.candidate.taken ?? []
        let order = try await leastErringFirst(products, option, seen)
        var sound = 0, unsound = products.count
        while unsound - sound > 1 {
            try Task.checkCancellation()
            let middle = (sound + unsound) / 2
            context.progress("measuring \(middle) of \(products.count) products")
            if try await trials.isSound(taking: others + order.prefix(middle).map { products[$0] }) {
                sound = middle
            } else {
                unsound = middle
            }
        }
        guard sound > 0 else { return nil }
        let label = "\(sound) of \(products.count) products" + (others.isEmpty ? "" : " and recurrent layers")
        // In the order of the model, whatever the order of their errors.
        return try await trials.measure(
            label + option.words, others + order.prefix(sound).sorted().map { products[$0] },
            atLeast: settings.minimumSpeedup > 0 ? KernelSearch.leastSpeedup : 0)
    }

    /// Places of `products`, those first that add the least noise for each multiplication that they take over.
    private func leastErringFirst(
        _ products: [KernelCandidate.Encoded], _ option: KernelOption, _ seen: Range<Int>
    ) async throws -> [Int] {
        guard let dataset = context.dataset else { return Array(products.indices) }
        context.progress("measuring \(products.count) products")
        let noise = try await KernelSensitivity(option.folded, products, option.execution).noise(
            source: FidelitySource(dataset), rows: seen, parameterCount: ModelFacts(option.folded).parameterCount,
            threads: context.threads)
        let costs = zip(noise, products).map { noise, weight in noise / Double(max(weight.form.shape.count, 1)) }
        return products.indices.sorted { costs[$0] == costs[$1] ? $0 < $1 : costs[$0] < costs[$1] }
    }
}
