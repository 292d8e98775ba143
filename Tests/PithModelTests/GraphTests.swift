import PithModel
import PithTensor
import Testing

@Suite struct GraphTests {
    private func node(_ inputs: [String], _ output: String, _ nested: Graph...) -> Node {
        Node(
            "Op", inputs: inputs, outputs: [output],
            attributes: nested.enumerated().map { Attribute("g\($0.offset)", .graph($0.element)) })
    }

    private func graph(_ nodes: [Node], inputs: [String] = ["x"], outputs: [String], weights: [String] = []) -> Graph {
        Graph(
            nodes: nodes, inputs: inputs.map { ValueInfo(name: $0) }, outputs: outputs.map { ValueInfo(name: $0) },
            weights: WeightTable(weights.map { Weight($0, Tensor(scalar: Float(0))) }))
    }

    private func validated(_ graph: Graph) throws -> [String] {
        var graph = graph
        try graph.validate()
        return graph.nodes.map { $0.outputs[0] }
    }

    private func refusal(_ graph: Graph) -> ModelError? {
        #expect(throws: ModelError.self) { try validated(graph) }
    }

    @Test func `a sound graph stays as it is`() throws {
        let sound = graph(
            [node(["x", "", "w"], "a"), node(["a"], "b"), node([], "c")], outputs: ["b", "x"], weights: ["w"])
        #expect(try validated(sound) == ["a", "b", "c"])
        #expect(sound.requiredInputs.map(\.name) == ["x"])
        #expect(sound.allNames == ["x", "", "w", "a", "b", "c"] || sound.allNames == ["x", "w", "a", "b", "c"])
    }

    @Test func `nodes out of order are put behind what they read, the others stay`() throws {
        let mixed = graph(
            [node(["c", "b"], "d"), node(["x"], "e"), node(["a"], "b"), node(["b"], "c"), node(["x"], "a")],
            outputs: ["d"])
        #expect(try validated(mixed) == ["a", "b", "c", "d", "e"])
    }

    @Test func `nodes of nested graphs are put in order too`() throws {
        let inner = graph([node(["p"], "q"), node(["outer"], "p")], inputs: [], outputs: ["q"])
        #expect(inner.capturedNames == ["outer"])
        var whole = graph([node([], "y", inner), node(["x"], "outer")], outputs: ["y"])
        try whole.validate()
        #expect(whole.nodes.map { $0.outputs[0] } == ["outer", "y"])
        #expect(whole.nodes[1].nestedGraphs[0].nodes.map { $0.outputs[0] } == ["p", "q"])
    }

    @Test func `a cycle is refused at a node on it`() {
        let error = refusal(
            graph([node(["b"], "late"), node(["x", "c"], "a"), node(["a"], "b"), node(["b"], "c")], outputs: ["late"]))
        #expect(error?.code == .cycle)
        #expect(["Op 'a'", "Op 'b'", "Op 'c'"].contains(error?.subject ?? ""))
        #expect(refusal(graph([node(["a"], "a")], outputs: ["a"]))?.code == .cycle)
    }

    @Test func `a cycle through a nested graph is a cycle`() {
        let inner = graph([node(["y"], "p")], inputs: [], outputs: ["p"])
        #expect(refusal(graph([node([], "y", inner)], outputs: ["y"]))?.code == .cycle)
    }

    @Test func `a value without a source is refused by its name and its reader`() {
        let error = refusal(graph([node(["x", "ghost"], "a")], outputs: ["a"]))
        #expect(error?.code == .missingValue && error?.description.contains("Op 'a': it reads 'ghost'") == true)
        #expect(refusal(graph([node(["x"], "a")], outputs: ["ghost"]))?.code == .missingValue)
        let inner = graph([node(["ghost"], "p")], inputs: [], outputs: ["p"])
        #expect(refusal(graph([node([], "a", inner)], outputs: ["a"]))?.code == .missingValue)
    }

    @Test func `a nested graph can not read what its own node or a sibling makes`() {
        let makes = graph([node(["x"], "p")], inputs: [], outputs: ["p"])
        let reads = graph([node(["p"], "q")], inputs: [], outputs: ["q"])
        #expect(refusal(graph([node([], "a", makes, reads)], outputs: ["a"]))?.code == .missingValue)
    }

    @Test func `a value with two sources is refused`() {
        #expect(refusal(graph([node(["x"], "a"), node(["x"], "a")], outputs: ["a"]))?.code == .duplicateValue)
        #expect(refusal(graph([node(["x"], "x")], outputs: ["x"]))?.code == .duplicateValue)
        #expect(refusal(graph([node(["x"], "w")], outputs: ["w"], weights: ["w"]))?.code == .duplicateValue)
        #expect(refusal(graph([], inputs: ["x", "x"], outputs: ["x"]))?.code == .duplicateValue)
    }

    @Test func `a weight that is also an input is sound, and not required`() throws {
        let old = graph([node(["x", "w"], "a")], inputs: ["x", "w"], outputs: ["a"], weights: ["w"])
        #expect(try validated(old) == ["a"])
        #expect(old.requiredInputs.map(\.name) == ["x"])
    }

    @Test func `a hundred thousand nodes in reverse are sorted, not recursed`() throws {
        let count = 100_000
        let chain = graph(
            (0..<count).reversed().map { node([$0 == 0 ? "x" : "v\($0 - 1)"], "v\($0)") }, outputs: ["v\(count - 1)"])
        #expect(try validated(chain).last == "v\(count - 1)")
    }

    @Test func `paths name the way to a nested graph`() throws {
        let inner = graph([node(["x"], "p")], inputs: [], outputs: ["p"])
        var outer = node([], "y", inner, inner)
        outer.name = "If_1"
        outer.attributes.append(Attribute("list", .graphs([inner, inner])))
        var whole = graph([node(["x"], "a"), outer], outputs: ["y"])
        var seen: [String] = []
        whole.forEachGraph { _, path in seen.append(path.qualified("w")) }
        #expect(seen == ["w", "If_1.g0/w", "If_1.g1/w", "If_1.list[0]/w", "If_1.list[1]/w"])
        var changed: [String] = []
        whole.updateEachGraph { graph, path in
            changed.append(path.description)
            graph.name = path.description
        }
        #expect(changed == ["If_1.g0", "If_1.g1", "If_1.list[0]", "If_1.list[1]", ""])
        #expect(whole.nodes[1].nestedGraphs.map(\.name) == ["If_1.g0", "If_1.g1", "If_1.list[0]", "If_1.list[1]"])
        #expect(GraphPath.main.qualified("w") == "w")
    }

    @Test func `a node answers for its attributes`() {
        var node = Node("Conv", inputs: ["x"], outputs: ["y"], domain: "ai.onnx")
        node[attribute: "group"] = .integer(4)
        node[attribute: "pads"] = .integers([1, 2])
        node[attribute: "mode"] = .text("SAME")
        #expect(node.integer("group", default: 1) == 4 && node.integer("none", default: 9) == 9)
        #expect(node.integers("pads") == [1, 2] && node.string("mode") == "SAME" && node.float("x", default: 2) == 2)
        node[attribute: "group"] = nil
        #expect(node.attributes.map(\.name) == ["pads", "mode"] && node.label == "Conv 'y'" && node.isStandard("Conv"))
    }

    @Test func `paths of nested graphs are distinct where names repeat or look like made-up ones`() {
        func holder(_ name: String) -> Node {
            let inner = graph([], inputs: [], outputs: ["w"], weights: ["w"])
            return Node("If", inputs: [], outputs: [], attributes: [Attribute("then", .graph(inner))], name: name)
        }
        let nodes = [holder(""), holder("If_0"), holder("twice"), holder("twice")]
        let whole = graph(nodes, outputs: [])
        #expect(whole.stepOwners() == [0: "If_0_1", 1: "If_0", 2: "twice", 3: "twice_1"])
        var paths: [String] = []
        whole.forEachGraph { _, path in paths.append(path.description) }
        #expect(paths == ["", "If_0_1.then", "If_0.then", "twice.then", "twice_1.then"])
        #expect(whole.repeatedWeightName() == nil)
        var changed = whole
        changed.updateEachGraph { graph, path in
            if !path.steps.isEmpty { graph.weights["w"] = Weight("w", Tensor(scalar: Float(path.steps[0].utf8.count))) }
        }
        let lengths = changed.nodes.map { $0.nestedGraphs[0].weights["w"]?.decoded().elements(as: Float.self) ?? [] }
        #expect(lengths == [[11], [9], [10], [12]])
        let clash = graph(nodes, outputs: [], weights: ["If_0.then/w"])
        #expect(clash.repeatedWeightName() == "If_0.then/w")
    }
}
