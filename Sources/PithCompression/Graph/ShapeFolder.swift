package import PithModel
import PithTensor

/// Replaces computed shapes by constants where the computation has one provable result.
///
/// Lengths only the caller knows are followed as symbols. `Reshape` and `Expand` take constants (0 and -1 where the
/// length is the input's own), and two computations of the same symbolic lengths become one.
/// A model is assumed to be run on values without empty axes where it reshapes them.
package struct ShapeFolder: GraphPass {
    package static let name = "shapes"

    package init() {}

    package func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool {
        var names = NameSource(taken: model.graph.allNames)
        let changed = try model.rewriteGraphs(usesFacts: true) { graph, scope in
            let facts = ShapeInference(scope: scope).facts(of: graph)
            var folding = Folding(graph: graph, scope: scope, facts: facts, names: names)
            for position in graph.nodes.indices { try folding.fold(at: position) }
            guard folding.changed else { return false }
            graph = folding.finished()
            names = folding.names
            for event in folding.made { trace.record(event.sources, into: event.results, note: event.note) }
            return true
        }
        if changed { model.formatVersion = max(model.formatVersion, 4) }
        return changed
    }
}

/// The work on one graph.
private struct Folding {
    var graph: Graph
    var names: NameSource
    var changed = false
    var made: [WeightTrace.Event] = []
    private let scope: GraphScope
    private let facts: [String: ValueFact]
    private let index: GraphIndex
    private var removed: Set<Int> = []
    private var replacements: [String: String] = [:]
    private var known: [ValueFact: String] = [:]

    init(graph: Graph, scope: GraphScope, facts: [String: ValueFact], names: NameSource) {
        self.graph = graph
        self.scope = scope
        self.facts = facts
        self.names = names
        index = GraphIndex(graph)
    }

    mutating func fold(at position: Int) throws {
        let node = graph.nodes[position]
        guard node.domain.isEmpty, !node.hasNestedGraphs, node.outputs.count == 1 else { return }
        let output = node.outputs[0]
        if let fact = facts[output], let element = fact.element, let content = fact.content,
            !index.pinned.contains(output)
        {
            if try replaceByConstant(position, fact: fact, element: element) { return }
            if !index.outputs.contains(output), !content.contains(nil), shareSymbols(position, fact: fact) { return }
        }
        if node.operation == "Reshape" { simplifyReshape(at: position) }
        if node.operation == "Expand" { simplifyExpand(at: position) }
    }

    /// The graph with the replaced nodes gone.
    func finished() -> Graph {
        var result = graph
        result.redirectReads(replacements)
        result.removeNodes(at: removed)
        result.pruneValueTypes()
        return result
    }

    private mutating func replaceByConstant(_ position: Int, fact: ValueFact, element: ScalarType) throws -> Bool {
        guard let numbers = fact.fixedContent, let lengths = fact.fixedLengths else { return false }
        let node = graph.nodes[position], name = node.outputs[0], shape = try Shape(lengths)
        let tensor: Tensor
        if element == .bool {
            tensor = try Tensor(type: .bool, shape: shape, storage: Storage(numbers.map { UInt8($0) }))
        } else {
            guard element.integerRange.map({ range in numbers.allSatisfy(range.contains) }) ?? false else {
                return false
            }
            tensor = try Tensor(integers: numbers, as: element, shape: shape)
        }
        graph.weights[name] = Weight(name, tensor)
        let sources = node.inputs.filter { scope.constant($0, in: graph) != nil }.map {
            scope.sourceName($0, in: graph)
        }
        made.append(
            .init(sources: sources, results: [scope.path.qualified(name)], note: "result of \(node.label), known ahead")
        )
        removed.insert(position)
        changed = true
        return true
    }

    /// Reads an earlier value with the same symbolic contents instead.
    private mutating func shareSymbols(_ position: Int, fact: ValueFact) -> Bool {
        let output = graph.nodes[position].outputs[0]
        guard let earlier = known[fact] else {
            known[fact] = output
            return false
        }
        guard index.canRedirect(output, to: earlier) else { return false }
        replacements[output] = earlier
        removed.insert(position)
        changed = true
        return true
    }

    private mutating func simplifyReshape(at position: Int) {
        let node = graph.nodes[position]
        guard node.inputs.count == 2, scope.constant(node.inputs[1], in: graph) == nil, scope.opset >= 5,
            node.integer("allowzero", default: 0) == 0, let result = facts[node.outputs[0]]?.dimensions,
            !result.isEmpty,
            let target = ReshapeTarget.constants(for: result, from: facts[node.inputs[0]]?.dimensions)
        else { return }
        setParameter(target, of: position)
    }

    /// Writes 1 for lengths the input has already: `Expand` stretches, so 1 leaves them as they are.
    private mutating func simplifyExpand(at position: Int) {
        let node = graph.nodes[position]
        guard node.inputs.count == 2, scope.constant(node.inputs[1], in: graph) == nil,
            let content = facts[node.inputs[1]]?.content, let own = facts[node.inputs[0]]?.dimensions
        else { return }
        var target: [Int] = []
        for (axis, length) in content.enumerated() {
            let position = axis - (content.count - own.count)
            if let number = length?.constant {
                target.append(number)
            } else if let length, position >= 0, own[position] == length {
                target.append(1)
            } else {
                return
            }
        }
        setParameter(target, of: position)
    }

    private mutating func setParameter(_ numbers: [Int], of position: Int) {
        let node = graph.nodes[position]
        let name = graph.addIntegers(numbers, base: "\(node.outputs[0])_shape", names: &names)
        made.append(.init(sources: [], results: [scope.path.qualified(name)], note: "parameter of \(node.label)"))
        graph.nodes[position].inputs[1] = name
        changed = true
    }
}
