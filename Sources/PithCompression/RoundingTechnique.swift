import PithModel
import PithTensor

/// A technique that gives float weights a stored form of fewer bits, and leaves alone what has one already.
protocol RoundingTechnique: Technique {
    /// Weights with fewer elements stay float.
    var minimumCount: Int { get }

    /// Whether a weight in a form that the technique named `maker` chose before is all that this stage was asked for.
    func isServed(by form: any Representation, of maker: String) -> Bool
}

extension RoundingTechnique {
    func isServed(by form: any Representation, of maker: String) -> Bool { false }
}

/// `quantize.weights` stands behind other stages for what they leave, so it has nothing against levels as narrow as its own.
extension WeightQuantizer: RoundingTechnique {
    func isServed(by form: any Representation, of maker: String) -> Bool {
        form.bitsOfLevels.map { $0 <= bits } ?? false
    }
}

/// Likewise for `quantize.half`: whatever takes fewer bits than 16.
extension HalfRounder: RoundingTechnique {
    func isServed(by form: any Representation, of maker: String) -> Bool {
        (form as? HalfFloats).map { $0.numbers.type == format.type } ?? true
    }
}

/// Likewise for `quantize.gptq`, which rounds what kernels did not take; but it was asked for data, so levels that a stage without
/// any made do not serve it.
extension GPTQQuantizer: RoundingTechnique {
    func isServed(by form: any Representation, of maker: String) -> Bool {
        let withData = [Self.name, MixedQuantizer.name, StaticQuantizer.name, DynamicQuantizer.name]
        return withData.contains(maker) && form.bitsOfLevels.map { $0 <= bits } ?? false
    }
}

extension CompandedQuantizer: RoundingTechnique {}
extension PiecewiseQuantizer: RoundingTechnique {}
extension MixedQuantizer: RoundingTechnique {}
extension TrellisCoder: RoundingTechnique {}

extension Representation {
    /// Bits of a level or a code; nil where there are none.
    fileprivate var bitsOfLevels: Int? {
        switch self {
        case let form as GroupedIntegers: form.levelBits
        case let form as TabledIntegers: form.codes.levelBits
        case let form as Codebook: form.indices.type.bitWidth
        default: nil
        }
    }
}

extension Workpiece {
    /// Notes and refuses a stage that has encoded nothing since `before`, as earlier stages have every weight it would take.
    ///
    /// A stage that stands behind others for what they leave asks for no more than they did: of that nothing is said.
    mutating func tellIdle(_ stage: Stage, number: Int, since before: Set<String>) {
        guard let technique = stage.technique as? any RoundingTechnique, Set(encodings.keys) == before else { return }
        var makers: Set<String> = [], isServed = true
        model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights {
                let name = path.qualified(weight.name), places = readers[weight.name] ?? []
                guard let form = weight.representation, let maker = encodings[name]?.technique,
                    weight.shape.count >= technique.minimumCount, places.contains(where: { $0.part != nil }),
                    stage.selector.accepts(weight: name, count: weight.shape.count, readers: places)
                else { continue }
                makers.insert(maker)
                isServed = isServed && technique.isServed(by: form, of: maker)
            }
        }
        guard !makers.isEmpty, !isServed else { return }
        let name = "stage \(number) (\(type(of: stage.technique).name))"
        let problem =
            "every weight that it could take was rounded before it, by \(makers.sorted().joined(separator: ", "))"
        note("\(name) does nothing: \(problem).")
        refusals.append("\(name): \(problem)")
    }
}
