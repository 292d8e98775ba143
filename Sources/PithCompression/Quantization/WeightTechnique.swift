import PithEvaluation
import PithModel
package import PithTensor

/// A technique that looks at one float weight at a time and needs no data.
///
/// A conforming type says what it does with a weight, and how; ``encodeWeights(of:in:where:)`` walks the weights of all
/// graphs in parallel and keeps the account.
protocol WeightTechnique: Technique {
    /// What is to be done with one weight.
    associatedtype Plan: Sendable

    /// Weights with fewer elements stay float.
    var minimumCount: Int { get }

    /// What to do with a weight that the selector accepts and that is large enough, or why it stays as it is.
    func plan(for tensor: Tensor, readers: [WeightReader]) -> Result<Plan, KeptReason>

    /// The stored form of one weight.
    ///
    /// - Throws: `CompressionError` for a weight that it can not hold.
    func encode(_ tensor: Tensor, named name: String, _ plan: Plan) throws(CompressionError) -> any Representation

    /// How a runtime computes with a stored form that these places read.
    func execution(of form: any Representation, readers: [WeightReader]) -> Weight.Execution

    /// What the ledger says of a stored form.
    func remark(on form: any Representation) -> String
}

/// Why a weight stays as it is.
struct KeptReason: Error {
    let text: String
    /// Whether the recipe wanted it otherwise, so that `--strict` refuses it.
    var isRefusal = false
}

extension WeightTechnique where Plan == LayerWeight {
    /// The part that the weight plays in its layer says how it is rounded.
    func plan(for tensor: Tensor, readers: [WeightReader]) -> Result<LayerWeight, KeptReason> {
        LayerWeight.rounded(tensor, readers: readers)
    }

    func execution(of form: any Representation, readers: [WeightReader]) -> Weight.Execution {
        LayerWeight.execution(of: form, readers: readers)
    }
}

extension WeightTechnique {
    func execution(of form: any Representation, readers: [WeightReader]) -> Weight.Execution { .folded }

    func remark(on form: any Representation) -> String { "computed in float" }

    /// Encodes the dense float weights whose qualified names `isChosen` accepts, and says of the others why not.
    ///
    /// - Throws: `CancellationError`.
    func encodeWeights(
        of piece: inout Workpiece, in context: StageContext, where isChosen: (String) -> Bool = { _ in true }
    ) async throws {
        var work: [(name: String, tensor: Tensor, plan: Plan)] = []
        for (name, tensor, verdict) in verdicts(on: piece.model, in: context) where isChosen(name) {
            switch verdict {
            case .success(let plan): work.append((name, tensor, plan))
            case .failure(let reason):
                piece.reasons[name] = piece.reasons[name] ?? "kept: \(reason.text)"
                if reason.isRefusal { piece.refusals.append("\(name): \(reason.text)") }
            }
        }
        context.progress("encoding \(work.count) weights")
        let results = try await Parallel.map(work, threads: context.threads) {
            encoded($0.tensor, $0.name, $0.plan)
        }
        var forms: [String: any Representation] = [:]
        for (item, result) in zip(work, results) {
            switch result {
            case .success(let form):
                forms[item.name] = form
                piece.encodings[item.name] = Workpiece.Encoding(
                    technique: Self.name, sqnrDB: form.sqnrDB(against: item.tensor), note: remark(on: form))
                piece.unhandled[item.name] = nil
            case .failure(let error):
                piece.reasons[item.name] = "kept: \(error.problem)"
                piece.refusals.append("\(item.name): \(error.problem)")
            }
        }
        store(forms, in: &piece.model)
    }

    /// What to do with each dense float weight of all graphs, by qualified names.
    func verdicts(
        on model: Model, in context: StageContext
    ) -> [(name: String, tensor: Tensor, verdict: Result<Plan, KeptReason>)] {
        var all: [(name: String, tensor: Tensor, verdict: Result<Plan, KeptReason>)] = []
        model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights {
                guard let tensor = weight.dense, tensor.type.isFloatingPoint else { continue }
                let name = path.qualified(weight.name)
                all.append(
                    (name, tensor, verdict(on: tensor, named: name, readers[weight.name] ?? [], context.selector)))
            }
        }
        return all
    }

    private func verdict(
        on tensor: Tensor, named name: String, _ readers: [WeightReader], _ selector: Selector
    ) -> Result<Plan, KeptReason> {
        guard selector.accepts(weight: name, count: tensor.count, readers: readers) else {
            return .failure(KeptReason(text: "the recipe leaves it out"))
        }
        guard tensor.count >= minimumCount else {
            return .failure(KeptReason(text: "\(tensor.count) values are too few to gain anything"))
        }
        return plan(for: tensor, readers: readers)
    }

    private func encoded(
        _ tensor: Tensor, _ name: String, _ plan: Plan
    ) -> Result<any Representation, CompressionError> {
        do throws(CompressionError) {
            return .success(try encode(tensor, named: name, plan))
        } catch {
            return .failure(error)
        }
    }

    private func store(_ forms: [String: any Representation], in model: inout Model) {
        model.graph.updateEachGraph { graph, path in
            let readers = graph.weightReaders()
            for name in graph.weights.names {
                guard let form = forms[path.qualified(name)] else { continue }
                graph.weights[name]?.form = .encoded(form)
                graph.weights[name]?.execution = execution(of: form, readers: readers[name] ?? [])
            }
        }
    }
}

extension Representation {
    /// Signal-to-quantization-noise ratio against the weight it was made from, in dB; nil when nothing was lost.
    package func sqnrDB(against original: Tensor) -> Double? {
        var ratio = SignalToNoise()
        ratio.add(original, decoded())
        return ratio.noise > 0 && ratio.signal > 0 ? ratio.decibels : nil
    }
}
