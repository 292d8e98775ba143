import PithModel

/// Names in a recipe that the model does not have are told, and refused under `--strict`.
extension Workpiece {
    /// Notes and refuses names that a setting gives and neither this model nor `original` has, as a weight or a node.
    mutating func checkNames(_ names: [String], key: String, of original: Model) {
        // An unnamed node of the input may be called by another output now: only what it is called now selects it.
        let known = ModelNames(original, model).all.union(ModelNames(model).unnamed)
        refuse(names, key: key, what: "weight or node", unless: known.contains)
    }

    /// The same for all that a stage's `where` names: weights, nodes by their name or first output, operators, endings.
    ///
    /// A recipe for many models may name operators with weights that this one does not have.
    mutating func checkNames(of selector: Selector, in original: Model) {
        if !selector.exclude.isEmpty { checkNames(selector.exclude, key: "exclude", of: original) }
        guard !(selector.operators + selector.suffixes).isEmpty else { return }
        let names = ModelNames(original, model)
        refuse(selector.operators, key: "operators", what: "operator") {
            names.operators.contains($0) || LayerWeight.operators.contains($0)
        }
        refuse(selector.suffixes, key: "suffixes", what: "ending of a weight's name") { suffix in
            names.weights.contains { $0.hasSuffix(suffix) }
        }
    }

    private mutating func refuse(
        _ names: [String], key: String, what: String, unless isKnown: (String) -> Bool
    ) {
        for name in names where !isKnown(name) {
            note("`\(key)` names '\(name)', which is no \(what) of this model.")
            refusals.append("\(key): there is no \(what) named '\(name)'")
        }
    }
}

/// What the weights, nodes and operators of models are called, nested graphs included.
private struct ModelNames {
    /// Qualified names of weights, those of `Constant` nodes among them.
    var weights: Set<String> = []
    /// Names of nodes that have one.
    var nodes: Set<String> = []
    /// What nodes without a name are called by.
    var unnamed: Set<String> = []
    var operators: Set<String> = []

    init(_ models: Model...) {
        for model in models {
            model.graph.forEachGraph { graph, path in
                weights.formUnion(graph.weights.names.map { path.qualified($0) })
                for node in graph.nodes {
                    operators.insert(node.operation)
                    if node.name.isEmpty { unnamed.insert(node.calledName) } else { nodes.insert(node.name) }
                    if node.isStandard("Constant"), let output = node.outputs.first {
                        weights.insert(path.qualified(output))
                    }
                }
            }
        }
    }

    /// Weights and nodes.
    var all: Set<String> { weights.union(nodes) }
}
