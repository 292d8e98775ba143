public import PithModel

/// The oldest ONNX Runtime that runs a model.
///
/// Of the runtime's own operators that Pith writes, `com.microsoft.DynamicQuantizeLSTM` and `com.microsoft.MatMulNBits` of 4 bits are
/// older than every release here, and `com.microsoft.RotaryEmbedding` takes four axes since the first of them; 8 bits in blocks came with 1.22 (1.20 refuses them), and `com.microsoft.GatherBlockQuantized` takes
/// levels in bytes since 1.23 (1.22 refuses them).
public enum MinimumRuntime {
    /// A release with the newest standard operator set and file format it reads.
    private struct Release {
        let name: String
        let opset: Int
        let formatVersion: Int
    }

    /// Releases that brought a newer operator set or file format, from the oldest that Pith supports.
    private static let releases = [
        Release(name: "1.17", opset: 20, formatVersion: 9), Release(name: "1.18", opset: 21, formatVersion: 10),
        Release(name: "1.20", opset: 22, formatVersion: 10), Release(name: "1.22", opset: 23, formatVersion: 11),
        Release(name: "1.23", opset: 24, formatVersion: 12), Release(name: "1.24", opset: 25, formatVersion: 13),
    ]

    /// The release by name, such as `ONNX Runtime 1.17`; the newest known for models past it.
    public static func name(of model: Model) -> String {
        let oldest = readsRows(model) ? "1.23" : hasWideBlocks(model) ? "1.22" : releases[0].name
        let first = releases.firstIndex { $0.name == oldest } ?? 0
        let release = releases[first...].first {
            model.opset <= $0.opset && model.formatVersion <= $0.formatVersion
        }
        return "ONNX Runtime \((release ?? releases[releases.count - 1]).name)"
    }

    /// Whether a kernel decodes the rows of a table that are asked for.
    private static func readsRows(_ model: Model) -> Bool {
        var found = false
        model.graph.forEachGraph { graph, _ in
            found =
                found || graph.weights.contains { $0.execution == .rows }
                || graph.nodes.contains { $0.operation == "GatherBlockQuantized" }
        }
        return found
    }

    /// Whether a kernel that decodes blocks has levels of 8 bits, as weights to be written or in operators of the model's own.
    private static func hasWideBlocks(_ model: Model) -> Bool {
        var found = false
        model.graph.forEachGraph { graph, _ in
            let isWritten = graph.weights.contains { weight in
                [.blocks, .roundedBlocks].contains(weight.execution)
                    && (weight.representation as? GroupedIntegers)?.levelBits == 8
            }
            let isRead = graph.nodes.contains {
                $0.operation == "MatMulNBits" && $0.integer("bits", default: 4) == 8
            }
            found = found || isWritten || isRead
        }
        return found
    }
}
