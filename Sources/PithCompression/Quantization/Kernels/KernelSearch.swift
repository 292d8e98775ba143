import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Finds the weights that are worth kernels which use them as they are stored, by measuring on held-out calibration rows.
///
/// Candidates, for each kind of kernel: every layer; the recurrent layers alone; the products alone. Sound is an output
/// (the worst of all, states among them) of `targetSQNR`, or within `allowedLoss` of the same weights computed in float. Of
/// those that are sound and fast enough the fastest is taken, and of two about as fast the more accurate. A result of
/// `fastSQNR` that is half as fast again as all of these, mixtures aside, goes first, and what saves little must lose little (``ErrorPrice``).
///
/// Where all products together err too much, those are taken that err the least for what they compute, as many as keep
/// the output sound: each one's own effect on the output is measured, then their number is found by bisection. Where another
/// kind of kernels takes all products and those err too much only by it, the two are mixed: of the faster kind as many as cost
/// `allowedLoss`.
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
        let fast = fast(of: tried.flatMap { $0 })
        if fast == nil, let mixed = try await mixed(tried, trials, seen) { tried.append([mixed]) }
        let all = tried.flatMap { $0 }, best = fast ?? KernelSearch.best(of: all.filter { $0.fault == nil })
        let weights = options.first?.weights ?? []
        try settle(best, of: all, weights, StaticSearch.name(ofMeasured: heldOut, beside: seen), &piece)
    }

    /// The best of the results that err more than is sound and are so much faster than those that do not, as `fastSQNR` asks for.
    private func fast(of tried: [KernelTrials.Measured]) -> KernelTrials.Measured? {
        let sound = tried.filter { $0.fault != .error && $0.fault != .refused }.compactMap(\.speedup).max()
        return KernelSearch.best(
            of: tried.filter {
                $0.fault == .error && ($0.speedup ?? 0) >= settings.minimumSpeedup
                    && ErrorPrice.isUnsoundPaid(by: $0.speedup, beside: sound)
            })
    }

    /// Puts `best` of what was `tried` on the bench, with the account of all.
    private func settle(
        _ best: KernelTrials.Measured?, of tried: [KernelTrials.Measured], _ weights: [KernelCandidate.Encoded],
        _ rows: String, _ piece: inout Workpiece
    ) throws {
        var reasons: [String: String] = [:]
        for measured in tried {
            guard let fault = measured.fault else { continue }
            for weight in measured.candidate.taken { reasons[weight.entry.name] = fault.rawValue }
        }
        // What some candidate could have had is no fault of the weight.
        for weight in tried.filter({ $0.fault == nil }).flatMap(\.candidate.taken) { reasons[weight.entry.name] = nil }
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

    /// The fastest, of two about as fast the more accurate, the first of equals; nil for none.
    private static func best(of tried: [KernelTrials.Measured]) -> KernelTrials.Measured? {
        tried.reduce(nil) { best, new in best.map { new.isBetter(than: $0) ? new : $0 } ?? new }
    }

    // MARK: Mixed kernels

    /// The best result with the products that err least by the first option's kernels given to those, which err too much as a
    /// whole; nil where none is.
    private func mixed(
        _ tried: [[KernelTrials.Measured]], _ trials: [KernelTrials], _ seen: Range<Int>
    ) async throws -> KernelTrials.Measured? {
        guard tried.count > 1, tried[0].last?.fault == .error,
            let best = KernelSearch.best(of: tried.joined().filter { $0.fault == nil }), let speed = best.speedup,
            let place = tried.indices.dropFirst().first(where: { tried[$0].last?.label == best.label })
        else { return nil }
        let names = Set(best.candidate.taken.map(\.entry.name))
        let products = trials[0].products.filter { names.contains($0.entry.name) }, first = trials[0].option
        guard products.count >= KernelSearch.fewestProducts else { return nil }
        var trials = trials[place]
        let order = try await leastErringFirst(products, trials.option, seen)
        func taking(_ count: Int) -> [KernelCandidate.Encoded] {
            let moved = Dictionary(
                uniqueKeysWithValues: order.prefix(count).map { (products[$0].entry.name, products[$0]) })
            return best.candidate.taken.map { moved[$0.entry.name] ?? $0 }
        }
        let most = try await soundCount(of: products.count) { count in
            try await trials.isSound(taking: taking(count), atLeast: best.sqnrDB - settings.allowedLoss)
        }
        guard most > 0 else { return nil }
        let fast = first.words
        let measured = try await trials.measure(
            "\(best.label), \(most) of \(products.count) products\(fast.isEmpty ? " by integer kernels" : fast)",
            taking(most),
            atLeast: speed * KernelSearch.leastSpeedup)
        return measured
    }

    // MARK: Some products

    /// The products that keep the output sound, where all of them do not; with the recurrent layers, if they are sound.
    private func someProducts(
        _ seen: Range<Int>, _ tried: [KernelTrials.Measured], _ trials: inout KernelTrials
    ) async throws -> KernelTrials.Measured? {
        let option = trials.option, products = trials.products
        guard products.count >= KernelSearch.fewestProducts else { return nil }
        let others = tried.first { $0.label.hasPrefix("recurrent layers") && $0.fault == nil }?.candidate.taken ?? []
        let order = try await leastErringFirst(products, option, seen)
        let sound = try await soundCount(of: products.count) { count in
            try await trials.isSound(taking: others + order.prefix(count).map { products[$0] })
        }
        guard sound > 0 else { return nil }
        let label = "\(sound) of \(products.count) products" + (others.isEmpty ? "" : " and recurrent layers")
        // In the order of the model, whatever the order of their errors.
        return try await trials.measure(
            label + option.words, others + order.prefix(sound).sorted().map { products[$0] },
            atLeast: settings.minimumSpeedup > 0 ? KernelSearch.leastSpeedup : 0)
    }

    /// How many of `count` products can be had, one less than all at most, where `isSound` holds for fewer if it holds for more.
    private func soundCount(of count: Int, isSound: (Int) async throws -> Bool) async throws -> Int {
        try await Bisection.most(of: count - 1) { some in
            try Task.checkCancellation()
            context.progress("measuring \(some) of \(count) products")
            return try await isSound(some)
        }
    }

    /// Places of `products`, those first that add the least noise for each multiplication that they take over.
    private func leastErringFirst(
        _ products: [KernelCandidate.Encoded], _ option: KernelOption, _ seen: Range<Int>
    ) async throws -> [Int] {
        guard let dataset = context.dataset else { return Array(products.indices) }
        context.progress("measuring \(products.count) products")
        let noise = try await KernelSensitivity(option.folded, products).noise(
            source: FidelitySource(dataset), rows: seen, parameterCount: ModelFacts(option.folded).parameterCount,
            threads: context.threads)
        let costs = zip(noise, products).map { noise, weight in noise / Double(max(weight.form.shape.count, 1)) }
        return products.indices.sorted { costs[$0] == costs[$1] ? $0 < $1 : costs[$0] < costs[$1] }
    }
}
