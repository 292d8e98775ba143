import PithModel
import PithTensor

/// Integer weights with float arithmetic: a quarter of the bytes, one scale for each output channel.
///
/// Takes the float weights of convolutions, products, recurrent layers and embedding tables, wherever they stand.
/// They are written so that a runtime folds them to floats once when it loads the model (tables are read row by row in
/// integers), so any operator set will do and no layer becomes slower.
///
/// - Error bound: half a step of its channel for each weight; see ``GroupedIntegers``.
/// - Reference: Krishnamoorthi, "Quantizing deep convolutional networks for efficient inference", arXiv:1806.08342,
///   section 3.1.
public struct WeightQuantizer: Technique {
    public static let name = "quantize.weights"

    /// Bits of a level, 2 through 8; each takes a byte of the file.
    public var bits = 8
    /// Weights with fewer elements stay float: scales and operators would take what the levels save.
    public var minimumCount = 512

    public init() {}

    public func validate() throws(CompressionError) {
        guard (2...8).contains(bits) else {
            throw Self.invalid("bits", "\(bits) lies outside 2...8.", remedy: "Use 8.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        var choices: [Choice] = []
        piece.model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights {
                let name = path.qualified(weight.name)
                guard let tensor = weight.dense, tensor.type.isFloatingPoint else { continue }
                switch verdict(on: tensor, named: name, readers: readers[weight.name] ?? [], context.selector) {
                case .success(let axis): choices.append(Choice(name: name, tensor: tensor, axis: axis))
                case .failure(let reason):
                    piece.reasons[name] = piece.reasons[name] ?? "kept: \(reason.text)"
                    if reason.isRefusal { piece.refusals.append("\(name): \(reason.text)") }
                }
            }
        }
        context.progress("rounding \(choices.count) weights")
        let settings = self
        let results = try await Parallel.map(choices, threads: context.threads) { choice in
            try settings.encode(choice)
        }
        var forms: [String: GroupedIntegers] = [:]
        for (choice, result) in zip(choices, results) {
            switch result {
            case .success(let encoded):
                forms[choice.name] = encoded.form
                piece.encodings[choice.name] = encoded.account
                piece.unhandled[choice.name] = nil
            case .failure(let error):
                piece.reasons[choice.name] = "kept: \(error.problem)"
                piece.refusals.append("\(choice.name): \(error.problem)")
            }
        }
        piece.model.graph.updateEachGraph { graph, path in
            let readers = graph.weightReaders()
            for name in graph.weights.names {
                guard let form = forms[path.qualified(name)] else { continue }
                let isTable = readers[name]?.allSatisfy { $0.part?.layer == .table && !$0.isNested } ?? false
                graph.weights[name]?.form = .encoded(form)
                graph.weights[name]?.execution = isTable ? .integer : .folded
            }
        }
    }

    private struct Choice: Sendable {
        let name: String
        let tensor: Tensor
        let axis: Int
    }

    /// Why a weight stays as it is.
    private struct Reason: Error {
        let text: String
        /// Whether the recipe wanted it otherwise.
        var isRefusal = false
    }

    private func verdict(
        on tensor: Tensor, named name: String, readers: [WeightReader], _ selector: Selector
    ) -> Result<Int, Reason> {
        guard selector.accepts(weight: name, count: tensor.count, readers: readers) else {
            return .failure(Reason(text: "the recipe leaves it out"))
        }
        guard tensor.count >= minimumCount else {
            return .failure(Reason(text: "\(tensor.count) values are too few to gain anything"))
        }
        let axes = Set(readers.compactMap { $0.part?.axis })
        guard let axis = axes.sorted().first else {
            let operations = Set(readers.map(\.operation)).sorted().joined(separator: ", ")
            let isKnown = readers.allSatisfy(\.isStandard)
            return .failure(
                Reason(
                    text:
                        "read by \(operations), \(isKnown ? "not as the weight of a layer" : "an operator that is not known")",
                    isRefusal: !isKnown))
        }
        guard tensor.type == .float32 else {
            return .failure(
                Reason(text: "only float32 weights are rounded, it is \(tensor.type.rawValue)", isRefusal: true))
        }
        return .success(axis)
    }

    private func encode(
        _ choice: Choice
    ) throws -> Result<(form: GroupedIntegers, account: Workpiece.Encoding), CompressionError> {
        do throws(CompressionError) {
            let form = try SymmetricIntegers.encode(choice.tensor, named: choice.name, axis: choice.axis, bits: bits)
            let account = Workpiece.Encoding(
                technique: Self.name, sqnrDB: form.sqnrDB(against: choice.tensor), note: "computed in float")
            return .success((form, account))
        } catch {
            return .failure(error)
        }
    }
}
