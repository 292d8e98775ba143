import PithCompression
import PithModel

/// The constants of one graph with who reads them and what could be done.
struct WeightSurvey {
    struct Entry {
        let name: String
        let weight: Weight
        let readers: [String]
        let could: String
    }

    let entries: [Entry]

    init(_ graph: Graph, _ path: GraphPath) {
        var weights = Array(graph.weights)
        for node in graph.nodes where node.isStandard("Constant") {
            guard case .tensor(var weight) = node[attribute: "value"], let name = node.outputs.first else { continue }
            weight.name = name
            weights.append(weight)
        }
        let uses = WeightUses(graph, weights)
        entries = weights.map { weight in
            let use = uses.use(of: weight)
            return Entry(name: path.qualified(weight.name), weight: weight, readers: use.readers, could: use.could)
        }
    }
}
