import PithEvaluation
import PithFormats
import PithModel
import PithTensor

/// Moves what a few channels of an activation have too much of into the weights that read it, so that 8 bits are enough
/// for all channels.
///
/// `x W = (x / s) (s W)`, with a factor for each channel. Channels whose largest magnitude on calibration data passes
/// `headroom` times the median of all channels are divided by a power of two, so the model computes what it did before,
/// bit for bit but for numbers near the smallest of all; ``DynamicQuantizer`` then loses less. Of several headrooms the
/// one is taken with which dynamic quantization errs least on held-out calibration rows; where none helps nothing is
/// changed.
///
/// Works on products (`MatMul`, plain `Gemm`) with constant weights in the main graph. `1 / s` goes into what makes the activation
/// where only products read it and a constant can take it up (`ScaleSink`), else into a node of its own.
///
/// - Complexity: one run over the calibration rows, and one over a few of them for each headroom.
/// - Reference: Xiao et al., "SmoothQuant: Accurate and Efficient Post-Training Quantization for Large Language
///   Models", ICML 2023, arXiv:2211.10438.
/// - Deviation: only channels that stand out are scaled, by powers of two, instead of all by `max|x|^a / max|w|^(1-a)`;
///   the strength is chosen by measured output error; an activation that others read too (a residual sum) is divided by a node,
///   since they need it undivided.
public struct SmoothMigrator: Technique {
    public static let name = "migrate.smooth"

    /// How far channels may reach, as multiples of the median of their largest magnitudes; the best is taken.
    public var headrooms = [1.5, 2, 3]
    /// How many times smaller the range of an activation must become to be worth a change.
    public var minimumGain = 2.0
    /// Calibration rows used at most.
    public var calibrationRows = 512
    /// Weights with fewer elements are left alone, as ``DynamicQuantizer`` leaves them.
    public var minimumCount = 4096

    /// What the note of a gain begins with.
    static let gain = "Smoothed activations"

    public init() {}

    public func validate() throws(CompressionError) {
        guard !headrooms.isEmpty, headrooms.allSatisfy({ $0 >= 1 && $0.isFinite }) else {
            throw Self.invalid("headrooms", "\(headrooms) has none, or one below 1.", remedy: "Use [1.5, 2, 3].")
        }
        guard minimumGain > 1 else {
            throw Self.invalid("minimumGain", "\(minimumGain) is not above 1.", remedy: "Use 1.5 to 4.")
        }
        guard calibrationRows > 0 else {
            throw Self.invalid("calibrationRows", "\(calibrationRows) rows are none.", remedy: "Use 100 to 1000.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        var settings = DynamicQuantizer()
        settings.minimumCount = max(minimumCount, 1)
        let layers = KernelLayers(
            piece.model.graph, for: .dynamic, minimumCount: settings.minimumCount, selector: context.selector)
        let products = layers.entries.filter { $0.part.layer == .product && $0.form == nil }
        let eligible = Set(products.map(\.name)), graph = piece.model.graph
        let groups = ProductGroup.all(in: graph, ConstantReaders(graph)) { eligible.contains($0.weight) }
        guard !groups.isEmpty else {
            return piece.note("No activation is smoothed: no product here rounds its activations at run time.")
        }
        guard let dataset = context.dataset, !dataset.calibrationRows.isEmpty else {
            piece.note("No activation is smoothed: that takes calibration data.")
            return
        }
        let source = FidelitySource(dataset), first = dataset.calibrationRows.lowerBound
        let rows = first..<min(dataset.calibrationRows.upperBound, first + calibrationRows)
        let (seen, heldOut) = StaticSearch.split(rows)
        context.progress("looking at \(groups.count) activations")
        let maxima = try await ChannelMaxima(piece.model, values: groups.map(\.value), source: source)
            .measure(rows: seen, threads: context.threads)
        let bench = try await CandidateBench(
            model: piece.model, original: piece.original, source: source, rows: heldOut, in: context)
        func error(of piece: Workpiece) async throws -> Double {
            var copy = piece
            try await settings.apply(to: &copy, in: context)
            return try await bench.sqnrDB(of: try ONNXWriter.encode(copy.model))
        }
        let before = try await error(of: piece)
        var best = (piece: piece, sqnrDB: before)
        let found = ScaleSurvey(piece.model, context.selector, minimumCount: minimumCount).candidates()
        let movable = Dictionary(
            found.compactMap { try? $0.get() }.map { ($0.group.value, $0) }, uniquingKeysWith: { first, _ in first })
        for headroom in headrooms {
            try Task.checkCancellation()
            context.progress("measuring headroom \(headroom)")
            guard let trial = migrated(piece, groups, movable, maxima, headroom) else { continue }
            let sqnr = try await error(of: trial)
            if sqnr > best.sqnrDB { best = (trial, sqnr) }
        }
        let unsmoothed = piece.beforeSmoothing
        piece = best.piece
        if best.sqnrDB > before { piece.unsmoothed = unsmoothed }
        piece.note(
            best.sqnrDB > before
                ? "\(SmoothMigrator.gain) bring dynamic quantization from \(before.formatted(digits: 1)) to "
                    + "\(best.sqnrDB.formatted(digits: 1)) dB on \(StaticSearch.name(ofMeasured: heldOut, beside: seen))."
                : "No activation is smoothed: it brings dynamic quantization nothing.")
    }

    /// The bench with every group migrated that gains from it; nil where none does.
    private func migrated(
        _ piece: Workpiece, _ groups: [ProductGroup], _ movable: [String: ScaleCandidate],
        _ maxima: [String: [Float]], _ headroom: Double
    ) -> Workpiece? {
        var piece = piece, names = NameSource(taken: piece.model.graph.allNames)
        var smoothed: [String] = [], added: [(position: Int, node: Node)] = []
        for group in groups {
            guard let largest = maxima[group.value],
                let factors = ProductGroup.factors(of: largest, headroom: headroom, minimumGain: minimumGain)
            else { continue }
            if let candidate = movable[group.value], candidate.carryOut(factors, on: &piece, by: Self.name) {
                smoothed.append(group.value)
            } else if let node = group.migrate(&piece.model.graph, by: factors, names: &names) {
                added.append((group.products[0].place.node, node))
                smoothed.append(group.value)
                account(for: node, dividing: group, by: factors, in: &piece)
            }
        }
        guard !smoothed.isEmpty else { return nil }
        for (position, node) in added.sorted(by: { $0.position > $1.position }) {
            piece.model.graph.nodes.insert(node, at: position)
        }
        piece.decisions["smoothedActivations"] = .array(smoothed.map { .string($0) })
        piece.decisions["smoothHeadroom"] = .number(headroom)
        return piece
    }

    /// Tells the ledger of rows that were raised, and of the row that a node divides by.
    private func account(
        for node: Node, dividing group: ProductGroup, by factors: [Float], in piece: inout Workpiece
    ) {
        let count = factors.count { $0 > 1 }
        for weight in group.weights {
            piece.trace.record(
                [weight.name], into: [weight.name],
                note: "rows of \(count) large channels of '\(group.value)' raised", by: Self.name)
        }
        piece.trace.record(
            [], into: [node.inputs[1]], note: "divides large channels of '\(group.value)'", by: Self.name)
        piece.reasons[node.inputs[1]] = "divides \(count) large channels of '\(group.value)' (\(Self.name))"
    }
}

extension ScaleCandidate {
    /// Divides the activation's channels by `factors` in what makes it.
    ///
    /// - Returns: Whether that could be done; nothing is changed otherwise, as where heads share channels whose factors differ.
    fileprivate func carryOut(_ factors: [Float], on piece: inout Workpiece, by technique: String) -> Bool {
        var shared = [Double](repeating: 1, count: sink.channels)
        for (origin, factor) in zip(sink.origins, factors) { shared[origin] = Double(factor) }
        let graph = piece.model.graph
        guard sink.spread(shared) == factors.map(Double.init),
            let plan = try? plan(shared, in: graph, ConstantReaders(graph))
        else { return false }
        return plan.carryOut(on: &piece, note: "large channels of '\(group.value)' moved", by: technique)
    }
}
