import PithModel
import PithTensor

/// Stores a matrix once where the model holds it twice, once transposed, as exporters write tied embeddings.
///
/// The later of two such weights becomes a `Transpose` of the earlier one, which a runtime computes once when it loads
/// the model: half the bytes in the file, the same numbers, the same speed. What later stages do to the matrix holds
/// for both its uses.
///
/// - Complexity: O(elements of the matrices that have a partner of the transposed shape).
/// - Reference: Press and Wolf, "Using the Output Embedding to Improve Language Models", arXiv:1608.05859 (why
///   embeddings are tied).
public struct TransposeSharer: Technique {
    public static let name = "share.transposed"

    /// Matrices with fewer elements stay as they are.
    public var minimumCount = 4096

    public init() {}

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        var graph = piece.model.graph
        let inputs = Set(graph.inputs.map(\.name)), outputs = Set(graph.outputs.map(\.name))
        let matrices = graph.weights.filter { weight in
            weight.dense?.type == .float32 && weight.shape.rank == 2 && weight.shape.count >= minimumCount
                && !inputs.contains(weight.name) && !outputs.contains(weight.name)
                && context.selector.accepts(weight: weight.name, count: weight.shape.count)
        }
        var byShape: [[Int]: [Weight]] = [:], copies: [(name: String, source: String)] = []
        for matrix in matrices {
            let shape = matrix.shape.dimensions
            let twin = byShape[shape.reversed()]?.first { TransposeSharer.isTransposed($0, of: matrix) }
            if let twin {
                copies.append((matrix.name, twin.name))
            } else {
                byShape[shape, default: []].append(matrix)
            }
        }
        guard !copies.isEmpty else { return }
        let order = Attribute("perm", .integers([1, 0]))
        for copy in copies {
            graph.weights[copy.name] = nil
            piece.trace.record([copy.name], into: [copy.source], note: "the transposed \(copy.source)", by: Self.name)
            piece.trace.recordRemoval(of: copy.name, note: "shared", by: Self.name)
        }
        graph.nodes =
            copies.map { Node("Transpose", inputs: [$0.source], outputs: [$0.name], attributes: [order]) } + graph.nodes
        piece.model.graph = graph
        piece.note("\(copies.count) matrices that stood twice, once transposed, are stored once.")
    }

    private static func isTransposed(_ left: Weight, of right: Weight) -> Bool {
        guard let a = left.dense, let b = right.dense else { return false }
        let rows = a.shape.dimensions[0], columns = a.shape.dimensions[1]
        return a.withElements(as: Float.self) { a in
            b.withElements(as: Float.self) { b in
                for row in 0..<rows {
                    for column in 0..<columns
                    where a[row * columns + column].bitPattern != b[column * rows + row].bitPattern { return false }
                }
                return true
            }
        }
    }
}
