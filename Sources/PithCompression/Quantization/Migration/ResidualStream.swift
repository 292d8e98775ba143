import PithModel

/// The values of a transformer that are added to each other from its first layer to its last, with all that writes them
/// and all that reads them, so that one rotation of their channels can be merged into the weights around.
struct ResidualStream: Sendable {
    /// A constant beside the stream: `x' = (factors x) Q` along an axis of what a node reads.
    struct Part: Sendable {
        let place: ConstantReaders.Place
        /// The axis as the node sees it; nil for rows.
        let axis: Int?
        /// What happens to it.
        let change: Change
    }

    /// What a rotation of the stream makes of a constant.
    enum Change: Hashable, Sendable {
        /// Its channels are multiplied where there are factors, then rotated.
        case rotated(after: [Double]?)
        /// Its channels are multiplied: a gain that the readers take over becomes 1.
        case scaled([Double])
    }

    /// Why a set of values is not rotated.
    struct Obstacle: Error, Hashable {
        let text: String
    }

    /// The constants.
    let parts: [Part]
    /// The values.
    let values: Set<String>
    /// Channels.
    let width: Int
    /// Normalizations of it.
    let normalizations: Int
    /// Whether a mean over channels is subtracted, so that the rotation must keep means.
    let keepsMeans: Bool

    /// The streams of `graph` in the order in which their first normalization stands, or why there is none.
    static func all(in graph: Graph, _ readers: ConstantReaders) -> [Result<ResidualStream, Obstacle>] {
        let index = GraphIndex(graph)
        var seen: Set<String> = [], found: [Result<ResidualStream, Obstacle>] = []
        for node in graph.nodes {
            guard let value = normalized(by: node, graph, index), seen.insert(value).inserted,
                readers.source(of: value) == nil
            else { continue }
            var tracer = StreamTracer(graph, index, readers)
            do throws(Obstacle) {
                let stream = try tracer.trace(from: value)
                found.append(.success(stream))
            } catch {
                found.append(.failure(error))
            }
            seen.formUnion(tracer.rotated)
        }
        return found
    }

    /// The value that a node begins to normalize: it squares it to take a mean, takes its mean, or is a normalization.
    private static func normalized(by node: Node, _ graph: Graph, _ index: GraphIndex) -> String? {
        guard let value = node.inputs.first, let output = node.outputs.first else { return nil }
        switch node.operation {
        case _ where !node.domain.isEmpty: return nil
        case "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization": return value
        case "Mul" where node.inputs.last != value: return nil
        case "Mul", "Pow":
            let isReduced = (index.readers[output] ?? []).contains { graph.nodes[$0].operation == "ReduceMean" }
            return isReduced ? value : nil
        case "ReduceMean":
            let isSubtracted = (index.readers[output] ?? []).contains { reader in
                let node = graph.nodes[reader]
                return node.isStandard("Sub") && node.inputs == [value, output]
            }
            return isSubtracted ? value : nil
        default: return nil
        }
    }

    /// Asks `plan` to rotate the stream by `rotation`.
    ///
    /// - Returns: Whether every constant has that many channels.
    func rotate(by rotation: HadamardRotation, in plan: inout ConstantPlan) -> Bool {
        parts.allSatisfy { part in
            switch part.change {
            case .rotated(let factors):
                plan.add(ChannelTransform(rotating: rotation, after: factors), at: part.place, axis: part.axis)
            case .scaled(let factors): plan.add(ChannelTransform(scaling: factors), at: part.place, axis: part.axis)
            }
        }
    }
}
