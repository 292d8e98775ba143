import PithEvaluation
import PithModel
import PithTensor

/// Weights in 16-bit floats, computed in `float32`: half the bytes, no data needed.
///
/// A runtime turns them back into `float32` once, when it loads the model, so any processor runs the result as fast as
/// the input.
///
/// | type | relative error of a weight | range |
/// | --- | --- | --- |
/// | float16 | 2^-11 | 6.1e-5 ... 65504; steps of 6.0e-8 below |
/// | bfloat16 | 2^-8 | as float32 |
///
/// - Reference: IEEE 754-2019, binary16; bfloat16 is the upper half of a binary32.
public struct HalfRounder: Technique {
    public static let name = "quantize.half"

    /// The 16-bit types.
    public enum Format: String, Codable, Sendable {
        case float16, bfloat16

        var type: ScalarType { self == .float16 ? .float16 : .bfloat16 }
    }

    /// The type of the stored numbers.
    public var format = Format.float16
    /// Weights with fewer elements stay float.
    public var minimumCount = 256

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        var forms: [String: HalfFloats] = [:], found: [(name: String, tensor: Tensor)] = []
        piece.model.graph.forEachGraph { graph, path in
            let readers = graph.weightReaders()
            for weight in graph.weights {
                let name = path.qualified(weight.name)
                guard let tensor = weight.dense, tensor.type == .float32 else { continue }
                guard context.selector.accepts(weight: name, count: tensor.count, readers: readers[weight.name] ?? [])
                else {
                    piece.reasons[name] = piece.reasons[name] ?? "kept: the recipe leaves it out"
                    continue
                }
                if tensor.count >= minimumCount {
                    found.append((name, tensor))
                } else {
                    piece.reasons[name] =
                        piece.reasons[name] ?? "kept: \(tensor.count) values are too few to gain anything"
                }
            }
        }
        let type = format.type
        let results = try await Parallel.map(found, threads: context.threads) {
            HalfRounder.rounded($0.tensor, to: type)
        }
        for (item, result) in zip(found, results) {
            guard let result else {
                piece.reasons[item.name] = "kept: it has values that \(type.rawValue) can not hold"
                piece.refusals.append("\(item.name): it has values that \(type.rawValue) can not hold")
                continue
            }
            forms[item.name] = result
            var ratio = SignalToNoise()
            ratio.add(item.tensor, result.decoded())
            piece.unhandled[item.name] = nil
            piece.encodings[item.name] = Workpiece.Encoding(
                technique: Self.name, sqnrDB: ratio.noise > 0 ? ratio.decibels : nil, note: "computed in float")
        }
        piece.model.graph.updateEachGraph { graph, path in
            for name in graph.weights.names {
                guard let form = forms[path.qualified(name)] else { continue }
                graph.weights[name]?.form = .encoded(form)
                graph.weights[name]?.execution = .folded
            }
        }
    }

    /// The rounded numbers; nil when one that was finite is not any more, or was not to begin with.
    private static func rounded(_ tensor: Tensor, to type: ScalarType) -> HalfFloats? {
        guard let half = try? Tensor(rounding: tensor.elements(as: Float.self), to: type, shape: tensor.shape),
            half.floats()?.allSatisfy(\.isFinite) == true
        else { return nil }
        return HalfFloats(half)
    }
}
