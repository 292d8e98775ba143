import PithCoding
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Finds the layers of a model that are worth integers, by measuring candidates on calibration rows held out.
///
/// Candidates, in order: every layer; every layer but the first convolution, unless the former is twice as fast as
/// float; every layer, products whose own error is large with a scale for each row of their input; every layer but those whose own
/// error is large, at several limits; for `objective: accuracy` also single layers in float, and sums. The first that reaches `targetSQNR` and is
/// fast enough is taken (of the first two the faster); if none does, the most accurate that is fast and lies within `allowedLoss` of integer weights alone; else the model stays float and says why.
struct StaticSearch {
    let settings: StaticQuantizer
    let context: StageContext
    let dataset: Dataset

    /// Sets a search up; whether kernels overflow here is asked now.
    ///
    /// - Throws: `RuntimeError` where there is no runtime.
    init(settings: StaticQuantizer, context: StageContext, dataset: Dataset) throws {
        var settings = settings
        settings.overflow = try settings.overflow.resolved()
        (self.settings, self.context, self.dataset) = (settings, context, dataset)
    }

    /// Puts the chosen layers of `piece` into integers; answers whether there are any.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func run(_ piece: inout Workpiece) async throws -> Bool {
        let graph = piece.model.graph, kept = keptNodes(of: graph)
        let placement = Placement(graph, excluded: kept)
        StaticSearch.explainLayers(without: placement, kept, &piece)
        guard !placement.layers.isEmpty else {
            piece.note("Activations stay float: no layer of this model has an integer kernel.")
            return false
        }
        context.progress("calibrating \(placement.values.count) activations")
        let source = FidelitySource(dataset), (seen, heldOut) = StaticSearch.split(rows)
        var observations = try await observe(piece.model, placement, seen)
        for (value, observation) in observations.sorted(by: { $0.key < $1.key })
        where observation.histogram.nonFinite > 0 {
            piece.note(
                "Activation '\(value)' stays float: it takes values that are NaN or infinite on the calibration data.")
        }
        let bench = try await CandidateBench(
            model: piece.model, original: piece.original, source: source, rows: heldOut, in: context)
        let type = try activationType(piece, kept, observations, bench)
        if settings.calibrator == .best {
            observations = try await measuredRanges(
                &piece, kept, observations, type, bench, rows: (seen: seen, heldOut: heldOut))
        }
        var trials = StaticTrials(
            piece: piece, kept: kept, observations: observations, type: type, bench: bench, settings: settings,
            progress: context.progress)
        return try await choose(&piece, &trials, seen, heldOut)
    }

    /// The calibration rows that are used.
    private var rows: Range<Int> {
        let all = dataset.calibrationRows
        return all.lowerBound..<min(all.upperBound, all.lowerBound + settings.calibrationRows)
    }

    /// Positions of the nodes that the recipe leaves in float.
    private func keptNodes(of graph: Graph) -> Set<Int> {
        Set(
            graph.nodes.indices.filter { position in
                isKept(graph.nodes[position], in: graph)
                    || !context.selector.accepts(
                        graph.nodes[position], weight: StaticSearch.weight(of: graph.nodes[position], in: graph))
            })
    }

    /// What the values of `placement` are on `seen` rows; of summands `isCut` takes away what the ReLU behind the sum does.
    private func observe(
        _ model: Model, _ placement: Placement, _ seen: Range<Int>, isCut: Bool = true
    ) async throws -> [String: Observation] {
        let observer = ActivationObserver(
            model: model, source: FidelitySource(dataset), threads: context.threads,
            averageWeight: settings.averageWeight)
        let axes = Dictionary(placement.layers.map { ($0.input, $0.inputAxis) }) { first, _ in first }
        let values = Set(placement.values + placement.layers.map(\.input))
        return try await observer.observe(
            values.sorted(), channelAxes: axes, cutSummands: isCut ? placement.cutSummands : [:], rows: seen)
    }

    /// The operator set that scales along an axis need.
    static let operatorSet = 13
    /// Held-out rows from which others need not be looked at: fewer tell little.
    private static let manyHeldOut = 100

    /// Output SQNR in dB with every layer in integers but the first convolution, and what asks for the speedup over float; nil
    /// where no layer has an integer kernel, or the operator set can not be raised.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func integers(of piece: Workpiece) async throws -> (sqnrDB: Double, speedup: () throws -> Double?)? {
        var piece = piece
        guard (try? OpsetUpgrader.upgrade(&piece.model, to: StaticSearch.operatorSet)) != nil else { return nil }
        guard let candidate = try await usualCandidate(of: piece) else { return nil }
        let heldOut = StaticSearch.split(rows).heldOut
        let bench = try await CandidateBench(
            model: piece.model, original: piece.original, source: FidelitySource(dataset),
            rows: heldOut.count >= StaticSearch.manyHeldOut ? heldOut : rows, in: context)
        let bytes = try ONNXWriter.encode(candidate.model)
        return (try await bench.sqnrDB(of: bytes), { try bench.speedup(of: bytes) })
    }

    /// The formats of activations with every layer in integers but the first convolution; none where no layer has an integer
    /// kernel, or the operator set can not be raised.
    ///
    /// Summands keep their whole ranges, so that the sum itself, which layers are rounded for, is not clipped.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func formats(for piece: Workpiece) async throws -> [String: ActivationFormat] {
        var piece = piece
        guard (try? OpsetUpgrader.upgrade(&piece.model, to: StaticSearch.operatorSet)) != nil else { return [:] }
        return try await usualCandidate(of: piece, isCut: false)?.model.graph.activationFormats ?? [:]
    }

    /// Every layer of a model of ``operatorSet`` in integers but the first convolution; nil where no layer has an integer kernel.
    private func usualCandidate(of piece: Workpiece, isCut: Bool = true) async throws -> StaticCandidate? {
        try Task.checkCancellation()
        let graph = piece.model.graph, kept = keptNodes(of: graph)
        let excluded = kept.union(StaticTrials.firstConvolution(of: graph, kept).map { [$0] } ?? [])
        let placement = Placement(graph, excluded: excluded)
        guard !placement.layers.isEmpty else { return nil }
        let observations = try await observe(
            piece.model, placement, StaticSearch.split(rows).seen, isCut: isCut)
        return try StaticCandidate(
            piece, excluding: excluded, observations: observations, settings: settings, activationType: .uint8)
    }

    /// Whether the recipe names a layer, by its node or by its weight.
    private func isKept(_ node: Node, in graph: Graph) -> Bool {
        settings.keepFloat.contains {
            $0 == node.calledName || graph.weights[$0] != nil && node.inputs.contains($0)
        }
    }

    /// The observations with ranges that were chosen by measured error.
    private func measuredRanges(
        _ piece: inout Workpiece, _ kept: Set<Int>, _ observations: [String: Observation], _ type: ScalarType,
        _ bench: CandidateBench, rows: (seen: Range<Int>, heldOut: Range<Int>)
    ) async throws -> [String: Observation] {
        // The most accurate result has its first convolution in float, nearly always: its ranges have to fit that.
        let first = settings.objective == .accuracy ? StaticTrials.firstConvolution(of: piece.model.graph, kept) : nil
        var benches = [bench]
        if settings.objective == .accuracy, rows.seen != rows.heldOut {
            benches.append(
                try await CandidateBench(
                    model: piece.model, original: piece.original, source: FidelitySource(dataset), rows: rows.seen,
                    in: context))
        }
        let choice = RangeChoice(
            piece: piece, excluded: kept.union(first.map { [$0] } ?? []), settings: settings, type: type,
            benches: benches, context: context)
        let made = try await choice.made(
            from: observations, source: FidelitySource(dataset), seen: rows.seen, heldOut: rows.heldOut)
        piece.note("Ranges of activations by measured error, number of each calibrator: \(made.summary).")
        return made.observations
    }

    /// The weight that a layer's node reads.
    private static func weight(of node: Node, in graph: Graph) -> Weight? {
        node.inputs.count > 1 ? graph.weights[node.inputs[1]] : nil
    }

    /// Says why layers outside of `placement` compute in float.
    private static func explainLayers(without placement: Placement, _ kept: Set<Int>, _ piece: inout Workpiece) {
        let placed = Set(placement.layers.map(\.node)), graph = piece.model.graph
        for (position, node) in graph.nodes.enumerated() where !placed.contains(position) {
            guard let weight = weight(of: node, in: graph),
                let part = LayerWeight(node, input: 1, shape: weight.shape), part.layer != .recurrent
            else { continue }
            piece.floatReasons[weight.name] =
                kept.contains(position)
                ? "the recipe leaves it so" : "\(node.label) has no integer kernel where it stands"
        }
    }

    /// Rows that ranges are taken from, and a quarter held out to measure candidates on.
    ///
    /// A range fits the rows it was taken from better than any others. Both are all rows where there are fewer than 16.
    static func split(_ rows: Range<Int>) -> (seen: Range<Int>, heldOut: Range<Int>) {
        guard rows.count >= 16 else { return (rows, rows) }
        let border = rows.upperBound - rows.count / 4
        return (rows.lowerBound..<border, border..<rows.upperBound)
    }

    /// What to call the rows that candidates were measured on.
    static func name(ofMeasured heldOut: Range<Int>, beside seen: Range<Int>) -> String {
        seen == heldOut ? "the calibration rows themselves" : "calibration rows held out"
    }

    /// The activation type that runs faster; unsigned unless measured otherwise.
    private func activationType(
        _ piece: Workpiece, _ kept: Set<Int>, _ observations: [String: Observation], _ bench: CandidateBench
    ) throws -> ScalarType {
        switch settings.activationType {
        case .uint8: return .uint8
        case .int8: return .int8
        case .measured:
            guard !context.profile.isFixed else { return .uint8 }
            let faster = try IntegerTypeProbe.unsignedSpeedup(profile: context.profile)
            return faster < 0.95 ? .int8 : .uint8
        }
    }

    private func choose(
        _ piece: inout Workpiece, _ trials: inout StaticTrials, _ seen: Range<Int>, _ heldOut: Range<Int>
    ) async throws -> Bool {
        let chosen =
            switch settings.objective {
            case .balanced: try await firstGood(&trials, seen)
            case .accuracy: try await mostAccurate(&trials, seen)
            }
        account(&piece, chosen, trials, measuredOn: StaticSearch.name(ofMeasured: heldOut, beside: seen))
        return chosen != nil
    }

    /// The first candidate that is sound and fast; of the first two the faster.
    private func firstGood(_ trials: inout StaticTrials, _ seen: Range<Int>) async throws -> StaticTrials.Measured? {
        func isGood(_ measured: StaticTrials.Measured) -> Bool {
            measured.sqnrDB >= settings.targetSQNR && measured.isFast
        }
        let all = try await trials.measure(trials.everyLayer)
        var chosen = isGood(all) ? all : nil
        if let first = trials.firstInFloat, all.mayGain(settings), !all.isAmple {
            let next = try await trials.measure(first)
            if isGood(next), chosen.map({ next.isBetter(than: $0) }) ?? true { chosen = next }
        }
        if chosen == nil, all.mayGain(settings) {
            for excluded in try await exclusions(trials, seen) where chosen == nil {
                let next = try await trials.measure(excluded)
                chosen = isGood(next) ? next : nil
            }
        }
        if chosen == nil, let best = trials.tried.filter(\.isFast).max(by: { $0.sqnrDB < $1.sqnrDB }) {
            chosen = try await isSound(best, trials) ? best : nil
        }
        return chosen
    }

    /// The most accurate of the candidates that are fast for it (``TimeForAccuracy``), if it is sound.
    private func mostAccurate(_ trials: inout StaticTrials, _ seen: Range<Int>) async throws -> StaticTrials.Measured? {
        _ = try await trials.measure(trials.everyLayer)
        if let first = trials.firstInFloat { _ = try await trials.measure(first) }
        // Fixed rules know no times: what the further sets of layers cost can not be told.
        for excluded in context.profile.isFixed ? [] : try await exclusions(trials, seen) {
            _ = try await trials.measure(excluded)
        }
        guard let start = trials.mostAccurate else { return nil }
        if !context.profile.isFixed {
            try await trials.measureFloatLayers(beside: start, threads: context.threads)
            let least = max(TimeForAccuracy.slack * trials.fastest, settings.minimumSpeedup)
            try await trials.measureFloatSums(beside: (trials.mostAccurate ?? start).exclusion, atLeast: least)
        }
        guard let best = trials.mostAccurate, try await isSound(best, trials), try await isPaid(best, trials) else {
            return nil
        }
        return best
    }

    /// Whether a result saves the time that its error costs beside the same weights in float (``ErrorPrice``).
    private func isPaid(_ measured: StaticTrials.Measured, _ trials: StaticTrials) async throws -> Bool {
        guard let speedup = measured.speedup, settings.minimumSpeedup >= 1, !ErrorPrice.isAmple(speedup) else {
            return true
        }
        // What lies far above the target is not missed.
        let before = try await min(weightsOnlySQNR(trials), settings.targetSQNR + ErrorPrice.mostMissed)
        return ErrorPrice.isPaid(before - measured.sqnrDB, by: speedup)
    }

    /// Whether a result reaches the target, or comes near integer weights alone.
    private func isSound(_ measured: StaticTrials.Measured, _ trials: StaticTrials) async throws -> Bool {
        guard measured.sqnrDB < settings.targetSQNR else { return true }
        return try await measured.sqnrDB >= weightsOnlySQNR(trials) - settings.allowedLoss
    }

    /// Output SQNR of the model with integer weights and float activations, in dB.
    private func weightsOnlySQNR(_ trials: StaticTrials) async throws -> Double {
        var copy = trials.piece
        copy.restoreRoundedOnFloat()
        try await WeightQuantizer().apply(to: &copy, in: context)
        return try await trials.bench.sqnrDB(of: try ONNXWriter.encode(copy.model))
    }

    /// Sets of nodes to leave float, each with its description.
    private func exclusions(_ trials: StaticTrials, _ seen: Range<Int>) async throws -> [StaticTrials.Exclusion] {
        let graph = trials.piece.model.graph, layers = Placement(graph, excluded: trials.kept).layers
        let sensitivity = LayerSensitivity(
            model: trials.piece.model, layers: layers, observations: trials.observations, settings: settings,
            type: trials.type)
        let own = try await sensitivity.measure(
            source: FidelitySource(dataset), rows: seen, threads: context.threads)
        let products = layers.filter { graph.nodes[$0.node].isStandard("MatMul") }.map(\.node)
        return rowScaledSets(products, of: layers.count, own) + floatSets(layers, own, trials)
    }

    /// Sets of products that read their inputs with a scale for each row: none where every product errs little.
    private func rowScaledSets(_ products: [Int], of count: Int, _ own: [Int: Double]) -> [StaticTrials.Exclusion] {
        var sets: [StaticTrials.Exclusion] = []
        let limits = settings.objective == .accuracy ? [30.0, 34, 38, .infinity] : [30, .infinity]
        for limit in limits where limit < .infinity || !sets.isEmpty {
            let nodes = Set(products.filter { own[$0] ?? .infinity < limit || limit == .infinity })
            guard !nodes.isEmpty, !sets.contains(where: { $0.rowScaled == nodes }) else { continue }
            let which =
                limit == .infinity
                ? "every product" : "\(nodes.count) of \(count) layers, whose own SQNR is below \(Int(limit)) dB,"
            sets.append(StaticTrials.Exclusion(label: "\(which) with a scale for each row", rowScaled: nodes))
        }
        return sets
    }

    /// Sets of layers that stay float.
    private func floatSets(
        _ layers: [IntegerLayer], _ own: [Int: Double], _ trials: StaticTrials
    ) -> [StaticTrials.Exclusion] {
        var sets: [StaticTrials.Exclusion] = []
        for limit in settings.objective == .accuracy ? [26.0, 28, 30, 32, 34] : [26, 30, 34] {
            let nodes = layers.map(\.node).filter { own[$0] ?? .infinity < limit }
            // Where most layers have to stay float, what is left gains little and errs on data unlike the calibration's.
            let known = sets.map(\.nodes) + trials.tried.map(\.exclusion.nodes)
            guard !nodes.isEmpty, nodes.count * 2 <= layers.count, !known.contains(Set(nodes)) else { continue }
            let reasons = nodes.map {
                ($0, "integers would err \((own[$0] ?? 0).formatted(digits: 1)) dB in this layer")
            }
            sets.append(
                StaticTrials.Exclusion(
                    label:
                        "\(nodes.count) of \(layers.count) layers in float, whose own SQNR is below \(Int(limit)) dB",
                    reasons: Dictionary(uniqueKeysWithValues: reasons)))
        }
        return sets
    }

    /// Why none of the candidates was taken.
    private static func reason(_ tried: [StaticTrials.Measured], _ settings: StaticQuantizer) -> String {
        guard tried.contains(where: { $0.sqnrDB >= settings.minimumSQNR }) else { return "integers ruin the output" }
        guard tried.contains(where: \.isFast) else {
            return
                "integers save less time on this machine than the \(settings.minimumSpeedup.formatted(digits: 2)) times of `minimumSpeedup`"
        }
        return "what is fast enough errs more than integer weights alone do"
    }

    private func account(
        _ piece: inout Workpiece, _ chosen: StaticTrials.Measured?, _ trials: StaticTrials, measuredOn rows: String
    ) {
        let layers = Placement(piece.model.graph).layers, tried = trials.tried, type = trials.type
        func figures(_ measured: StaticTrials.Measured) -> String {
            let speed = measured.speedup.map { ", \($0.formatted(digits: 2))x the speed of float" } ?? ""
            return "\(measured.label): \(measured.sqnrDB.formatted(digits: 1)) dB\(speed)"
        }
        for measured in tried where measured.label != chosen?.label {
            piece.note("Tried and not taken: \(figures(measured)).")
        }
        guard let chosen else {
            let reason = StaticSearch.reason(tried, settings)
            piece.note("Activations stay float: \(reason).")
            for layer in layers { piece.floatReasons[layer.weight] = piece.floatReasons[layer.weight] ?? reason }
            piece.decisions["activations"] = .string("float")
            return
        }
        piece.note("Activations in \(type.rawValue), \(figures(chosen)) on \(rows).")
        settings.overflow.account(&piece)
        piece.decisions["activations"] = .string(type.rawValue)
        piece.decisions["integerLayers"] = .array(chosen.candidate.layers.map { .string($0.label) })
        let rowScaled = chosen.candidate.rowScaled
        if !rowScaled.isEmpty { piece.decisions["rowScaledLayers"] = .array(rowScaled.map { .string($0.label) }) }
        for layer in layers {
            guard let reason = chosen.exclusion.reasons[layer.node] else { continue }
            piece.floatReasons[layer.weight] = reason
        }
        piece.model = chosen.candidate.model
        piece.trace = chosen.candidate.trace
        piece.encodings.merge(chosen.candidate.encodings) { $1 }
    }
}
