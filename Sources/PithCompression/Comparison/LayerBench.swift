import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// The three sessions in which layers are compared.
struct LayerBench {
    /// A candidate cut at the shared values, and ready to run.
    private struct Cut {
        let session: Session
        let model: CutModel
        /// Where each of its inputs comes from among the reference's outputs, and in which format it is taken.
        let feeds: [String: (source: String, type: ScalarType)]
    }

    /// What could not be done.
    private(set) var notes: [String] = []
    private let reference: Session
    private let candidate: Session
    /// Nil where the runtime does not load the cut model.
    private var cut: Cut?
    private let pairs: [LayerMatch.Pair]

    /// Rows that the scales of values are taken from, at most.
    private static let mostScaleRows = 8

    /// Opens the sessions; pairs that are no floats are taken out of `match`.
    ///
    /// - Throws: `RuntimeError` where a model with its values as outputs does not load; `FormatError`.
    init(reference: Model, candidate: Model, match: inout LayerMatch, options: SessionOptions) throws {
        let (exposed, copies) = LayerBench.withCopies(of: candidate.graph.requiredInputs, reference)
        self.reference = try Session(
            bytes: ONNXWriter.encode(exposed.exposing(match.pairs.map(\.reference))), name: "the reference's layers",
            options: options)
        self.candidate = try Session(
            bytes: ONNXWriter.encode(candidate.exposing(match.pairs.flatMap(\.candidateNames))),
            name: "the candidate's layers", options: options)
        let theirs = LayerBench.types(self.reference), ours = LayerBench.types(self.candidate)
        match.keepPairs { theirs[$0.reference]?.isFloatingPoint == true && ours[$0.candidate]?.isFloatingPoint == true }
        pairs = match.pairs
        let model = CutModel(candidate, at: match.pairs, types: ours)
        var feeds: [String: (source: String, type: ScalarType)] = [:]
        for pair in match.pairs { feeds[pair.candidate] = (pair.reference, ours[pair.candidate] ?? .float32) }
        for (input, copy) in copies { feeds[input] = (copy, theirs[copy] ?? .float32) }
        let bytes = try ONNXWriter.encode(model.model)
        do throws(RuntimeError) {
            let session = try Session(bytes: bytes, name: "the layers alone", options: options)
            cut = Cut(session: session, model: model, feeds: feeds)
        } catch {
            notes.append("Own errors are not measured: \(error.problem)")
        }
    }

    private static func types(_ session: Session) -> [String: ScalarType] {
        let known = session.outputs.compactMap { port in port.element.map { (port.name, $0) } }
        return Dictionary(known, uniquingKeysWith: { first, _ in first })
    }

    /// `model` with copies of its inputs as further outputs: carried state is among them, as each run has it.
    private static func withCopies(of inputs: [ValueInfo], _ model: Model) -> (Model, [String: String]) {
        var model = model, names = NameSource(taken: model.graph.allNames), copies: [String: String] = [:]
        let wanted = Set(inputs.map(\.name))
        for input in model.graph.requiredInputs where wanted.contains(input.name) {
            let copy = names.make(input.name, "_seen")
            copies[input.name] = copy
            model.graph.nodes.append(Node("Identity", inputs: [input.name], outputs: [copy]))
            model.graph.outputs.append(ValueInfo(name: copy, type: input.type))
        }
        return (model, copies)
    }

    /// Runs all rows and adds the errors of `layers` up; where channels of a value are of another scale in the candidate, the
    /// reference's are brought to that.
    ///
    /// - Throws: What runtime and data throw.
    mutating func run(
        _ layers: [LayerMatch.Layer], source: any SampleSource, rows: Range<Int>
    ) throws -> LayerSums {
        var sums = LayerSums(), current = cut, failure: String?
        let models = [reference, candidate], pairs = layers.map(\.pair)
        let plan = try BatchPlan(for: source, models: models, row: source.sampleRows(rows).first ?? 0)
            .limited()
        let scales = try scales(source, plan, rows)
        if !scales.isEmpty {
            notes.append(
                "\(scales.count) values have channels of another scale in the candidate, as equalization leaves them: their errors are "
                    + "taken in that scale.")
        }
        let exactNames = Set(pairs.map(\.reference)).union(cut?.feeds.values.map(\.source) ?? [])
        let outputs = [exactNames.sorted(), Set(pairs.flatMap(\.candidateNames)).sorted()]
        try BatchRunner(source: source, plan: plan).run(models, outputs: outputs, over: rows) { batch in
            var exact = batch.outputs[0]
            for (name, scale) in scales { exact[name] = exact[name]?.scaled(scale.axis, by: scale.factors) }
            sums.rows += batch.rows.count
            sums.add(pairs, exact, isOwn: false, plain: { batch.outputs[1][$0.candidate] }) { pair in
                pair.rounded.flatMap { batch.outputs[1][$0] }
            }
            // Where a graph fixes the batch, outputs of a short last run no longer have its length.
            guard let cut = current, !plan.isFixed || batch.rows.count == plan.size else { return }
            do throws(RuntimeError) {
                let made = try LayerBench.run(cut, exact)
                sums.add(pairs, exact, isOwn: true, plain: { cut.model.made[$0.candidate].flatMap { made[$0] } }) {
                    cut.model.rounded[$0.candidate].flatMap { made[$0] }
                }
            } catch {
                failure = error.problem
                current = nil
            }
        }
        if let failure {
            sums.dropOwn()
            notes.append("Own errors are not measured: \(failure)")
        }
        return sums
    }

    /// The factors of values that have another scale in the candidate, by their names in the reference.
    private func scales(
        _ source: any SampleSource, _ plan: BatchPlan, _ rows: Range<Int>
    ) throws -> [String: (axis: Int, factors: [Float])] {
        var found: [String: ChannelFactors] = [:]
        let outputs = [Set(pairs.map(\.reference)).sorted(), Set(pairs.map(\.candidate)).sorted()]
        let looked = rows.lowerBound..<min(rows.upperBound, rows.lowerBound + LayerBench.mostScaleRows)
        try BatchRunner(source: source, plan: plan).run([reference, candidate], outputs: outputs, over: looked) {
            batch in
            for pair in pairs {
                guard let theirs = batch.outputs[0][pair.reference], let ours = batch.outputs[1][pair.candidate] else {
                    continue
                }
                found[pair.reference, default: ChannelFactors()].add(theirs, ours)
            }
        }
        return found.compactMapValues(\.found)
    }

    /// What the layers make of the reference's values.
    private static func run(_ cut: Cut, _ exact: [String: Tensor]) throws(RuntimeError) -> [String: Tensor] {
        var inputs: [String: Tensor] = [:]
        for port in cut.session.inputs {
            guard let feed = cut.feeds[port.name] else { continue }
            inputs[port.name] = exact[feed.source]?.converted(to: feed.type)
        }
        return try cut.session.run(inputs)
    }
}

extension LayerMatch.Pair {
    /// The names of the value in the candidate, before and after it is rounded.
    var candidateNames: [String] { [candidate] + (rounded.map { [$0] } ?? []) }
}
