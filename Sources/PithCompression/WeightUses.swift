public import PithModel
import PithTensor

/// Who reads the constants of a graph, and what a recipe could do with each.
public struct WeightUses {
    private let readers: [String: [WeightReader]]

    /// Looks at `graph`, whose constants are `weights` (those of `Constant` nodes included).
    public init(_ graph: Graph, _ weights: [Weight]) {
        var all = graph
        for weight in weights { all.weights[weight.name] = weight }
        readers = all.weightReaders()
    }

    /// The operators that read a constant, and what could become of it.
    public func use(of weight: Weight) -> (readers: [String], could: String) {
        let places = readers[weight.name] ?? []
        let operations = Set(places.map(\.operation)).sorted()
        return (operations, possibility(weight, places))
    }

    private func possibility(_ weight: Weight, _ places: [WeightReader]) -> String {
        guard weight.type == .float32 else { return "" }
        guard let part = places.compactMap(\.part).first, weight.shape.count >= WeightQuantizer().minimumCount else {
            return ""
        }
        switch part.layer {
        case .convolution, .product: return "int8 per channel; with data also int8 arithmetic"
        case .recurrent: return "int8 per channel, computed in float"
        case .table: return "int8 per row"
        }
    }
}
