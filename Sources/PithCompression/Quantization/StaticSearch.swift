import PithCoding
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Finds the layers of a model that are worth integers, by measuring candidates on calibration rows held out.
///
/// Candidates, in order: every layer; every layer but the first convolution, unless the former is twice as fast as
/// float; every layer but those whose own error is large, at three limits. The first that reaches `targetSQNR` and is
/// fast enough is taken (of the first two the faster); if none does, the most accurate that is fast and lies within `allowedLoss` of integer weights alone; else the model stays float and says why.
struct StaticSearch {
    let settings: StaticQuantizer
    let context: StageContext
    let dataset: Dataset

    /// Layers to leave in float.
    private struct Exclusion {
        let label: String
        /// Why, by the position of the layer's node.
        var reasons: [Int: String] = [:]

        var nodes: Set<Int> { Set(reasons.keys) }
    }

    /// A candidate with what was measured of it.
    private struct Measured {
        let candidate: StaticCandidate
        let exclusion: Exclusion
        var label: String { exclusion.label }
        let sqnrDB: Double
        /// Nil under fixed rules and for ruined candidates.
        let speedup: Double?
        /// Whether it saves enough time, by measurement or by the fixed rule that integers do.
        let isFast: Bool

        /// So fast that nothing else need be tried.
        var isAmple: Bool { isFast && (speedup ?? 2) >= 2 }

        /// Whether leaving some layers in float may make it worth while: it is fast, or not far from it, or ruined.
        func mayGain(_ settings: StaticQuantizer) -> Bool {
            isFast || sqnrDB < settings.minimumSQNR || (speedup ?? 0) >= 0.85 * settings.minimumSpeedup
        }

        /// Clearly faster, or as fast and more accurate.
        func isBetter(than other: Measured) -> Bool {
            let ratio = (speedup ?? 1) / (other.speedup ?? 1)
            return ratio > 1.03 || ratio > 0.97 && sqnrDB > other.sqnrDB
        }
    }

    /// Puts the chosen layers of `piece` into integers; answers whether there are any.
    ///
    /// - Throws: What runtime and data throw; `CancellationError`.
    func run(_ piece: inout Workpiece) async throws -> Bool {
        let graph = piece.model.graph
        let kept = Set(
            graph.nodes.indices.filter { position in
                settings.keepFloat.contains(graph.nodes[position].name)
                    || !context.selector.accepts(
                        graph.nodes[position], weight: StaticSearch.weight(of: graph.nodes[position], in: graph))
            })
        let placement = Placement(graph, excluded: kept)
        StaticSearch.explainLayers(without: placement, kept, &piece)
        guard !placement.layers.isEmpty else {
            piece.note("Activations stay float: no layer of this model has an integer kernel.")
            return false
        }
        context.progress("calibrating \(placement.values.count) activations")
        let source = FidelitySource(dataset), first = dataset.calibrationRows.lowerBound
        let rows = first..<min(dataset.calibrationRows.upperBound, first + settings.calibrationRows)
        let (seen, heldOut) = StaticSearch.split(rows)
        let observer = ActivationObserver(model: piece.model, source: source, threads: context.threads)
        let axes = Dictionary(placement.layers.map { ($0.input, $0.inputAxis) }) { first, _ in first }
        let values = Set(placement.values + placement.layers.map(\.input))
        let observations = try await observer.observe(values.sorted(), channelAxes: axes, rows: seen)
        for (value, observation) in observations.sorted(by: { $0.key < $1.key })
        where observation.histogram.nonFinite > 0 {
            piece.note(
                "Activation '\(value)' stays float: it takes values that are NaN or infinite on the calibration data.")
        }
        let bench = try CandidateBench(model: piece.model, source: source, rows: heldOut, profile: context.profile)
        let type = try activationType(piece, kept, observations, bench)
        return try await choose(&piece, kept, observations, type, bench, seen)
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
        _ piece: inout Workpiece, _ kept: Set<Int>, _ observations: [String: Observation], _ type: ScalarType,
        _ bench: CandidateBench, _ seen: Range<Int>
    ) async throws -> Bool {
        var tried: [Measured] = []
        func measure(_ exclusion: Exclusion) throws -> Measured {
            context.progress("measuring \(exclusion.label)")
            let candidate = try StaticCandidate(
                piece, excluding: kept.union(exclusion.nodes), observations: observations, settings: settings,
                activationType: type)
            let bytes = try ONNXWriter.encode(candidate.model)
            let sqnr = try bench.sqnrDB(of: bytes)
            // A ruined candidate need not be timed.
            let speedup = sqnr < settings.minimumSQNR ? nil : try bench.speedup(of: bytes)
            let isFast = speedup.map { $0 >= settings.minimumSpeedup } ?? (sqnr >= settings.minimumSQNR)
            let measured = Measured(
                candidate: candidate, exclusion: exclusion, sqnrDB: sqnr, speedup: speedup, isFast: isFast)
            tried.append(measured)
            return measured
        }
        func isGood(_ measured: Measured) -> Bool {
            measured.sqnrDB >= settings.targetSQNR && measured.isFast
        }
        let all = try measure(Exclusion(label: "every layer in integers"))
        if settings.objective == .accuracy {
            if let first = firstConvolution(piece, kept) { _ = try measure(StaticSearch.firstInFloat(first)) }
            // Fixed rules know no times: what the further sets of layers cost can not be told.
            let sets = context.profile.isFixed ? [] : try exclusions(piece, kept, observations, type, seen)
            for excluded in sets { _ = try measure(excluded) }
            let chosen = mostAccurate(tried)
            let isSound = try await isSound(chosen, piece, bench)
            account(&piece, isSound ? chosen : nil, tried, type)
            return isSound
        }
        var chosen = isGood(all) ? all : nil
        let firstInFloat = firstConvolution(piece, kept)
        if let first = firstInFloat, all.mayGain(settings), !all.isAmple {
            let next = try measure(StaticSearch.firstInFloat(first))
            if isGood(next), chosen.map({ next.isBetter(than: $0) }) ?? true { chosen = next }
        }
        if chosen == nil, all.mayGain(settings) {
            for excluded in try exclusions(piece, kept, observations, type, seen) where chosen == nil {
                let next = try measure(excluded)
                chosen = isGood(next) ? next : nil
            }
        }
        if chosen == nil, let best = tried.filter(\.isFast).max(by: { $0.sqnrDB < $1.sqnrDB }) {
            chosen = try await isSound(best, piece, bench) ? best : nil
        }
        account(&piece, chosen, tried, type)
        return chosen != nil
    }

    private static func firstInFloat(_ node: Int) -> Exclusion {
        Exclusion(
            label: "the first convolution in float",
            reasons: [node: "the first convolution gains little and costs accuracy"])
    }

    /// The most accurate of the candidates that are at most 5 % slower than the fastest.
    private func mostAccurate(_ tried: [Measured]) -> Measured? {
        let fast = tried.filter(\.isFast), fastest = fast.compactMap(\.speedup).max() ?? 1
        return fast.filter { ($0.speedup ?? fastest) >= 0.95 * fastest }.max { $0.sqnrDB < $1.sqnrDB }
    }

    /// Whether a result reaches the target, or comes near integer weights alone.
    private func isSound(_ measured: Measured?, _ piece: Workpiece, _ bench: CandidateBench) async throws -> Bool {
        guard let measured else { return false }
        guard measured.sqnrDB < settings.targetSQNR else { return true }
        return try await measured.sqnrDB >= weightsOnlySQNR(piece, bench) - settings.allowedLoss
    }

    /// Output SQNR of the model with integer weights and float activations, in dB.
    private func weightsOnlySQNR(_ piece: Workpiece, _ bench: CandidateBench) async throws -> Double {
        var copy = piece
        try await WeightQuantizer().apply(to: &copy, in: context)
        return try bench.sqnrDB(of: try ONNXWriter.encode(copy.model))
    }

    /// The first convolution that could run in integers; its few channels gain little, and its input is the model's.
    private func firstConvolution(_ piece: Workpiece, _ kept: Set<Int>) -> Int? {
        let graph = piece.model.graph
        return Placement(graph, excluded: kept).layers.first { graph.nodes[$0.node].isStandard("Conv") }?.node
    }

    /// Sets of nodes to leave float, each with its description.
    private func exclusions(
        _ piece: Workpiece, _ kept: Set<Int>, _ observations: [String: Observation], _ type: ScalarType,
        _ seen: Range<Int>
    ) throws -> [Exclusion] {
        let layers = Placement(piece.model.graph, excluded: kept).layers
        let sensitivity = LayerSensitivity(
            model: piece.model, layers: layers, observations: observations, settings: settings, type: type)
        let own = try sensitivity.measure(source: FidelitySource(dataset), rows: seen)
        var sets: [Exclusion] = []
        for limit in [26.0, 30, 34] {
            let nodes = layers.map(\.node).filter { own[$0] ?? .infinity < limit }
            // Where most layers have to stay float, what is left gains little and errs on data unlike the calibration's.
            guard !nodes.isEmpty, nodes.count * 2 <= layers.count, !sets.contains(where: { $0.nodes == Set(nodes) })
            else {
                continue
            }
            let reasons = nodes.map {
                ($0, "integers would err \((own[$0] ?? 0).formatted(digits: 1)) dB in this layer")
            }
            sets.append(
                Exclusion(
                    label:
                        "\(nodes.count) of \(layers.count) layers in float, whose own error is below \(Int(limit)) dB",
                    reasons: Dictionary(uniqueKeysWithValues: reasons)))
        }
        return sets
    }

    private func account(_ piece: inout Workpiece, _ chosen: Measured?, _ tried: [Measured], _ type: ScalarType) {
        let graph = piece.model.graph, layers = Placement(graph).layers
        func figures(_ measured: Measured) -> String {
            let speed = measured.speedup.map { ", \($0.formatted(digits: 2))x the speed of float" } ?? ""
            return "\(measured.label): \(measured.sqnrDB.formatted(digits: 1)) dB\(speed)"
        }
        for measured in tried where measured.label != chosen?.label {
            piece.note("Tried and not taken: \(figures(measured)).")
        }
        guard let chosen else {
            let isSlow = tried.first?.isFast == false && (tried.first?.sqnrDB ?? 0) >= settings.minimumSQNR
            let reason = "integers \(isSlow ? "save no time on this machine" : "ruin the output")"
            piece.note("Activations stay float: \(reason).")
            for layer in layers { piece.floatReasons[layer.weight] = piece.floatReasons[layer.weight] ?? reason }
            piece.decisions["activations"] = .string("float")
            return
        }
        piece.note("Activations in \(type.rawValue), \(figures(chosen)) on calibration rows held out.")
        piece.decisions["activations"] = .string(type.rawValue)
        piece.decisions["integerLayers"] = .array(chosen.candidate.layers.map { .string($0.label) })
        for layer in layers {
            guard let reason = chosen.exclusion.reasons[layer.node] else { continue }
            piece.floatReasons[layer.weight] = reason
        }
        piece.model = chosen.candidate.model
        piece.trace = chosen.candidate.trace
        piece.encodings.merge(chosen.candidate.encodings) { $1 }
    }
}
