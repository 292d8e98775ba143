import PithFormats
import PithModel
import PithTensor

/// The weights of a model that kernels can use as they are stored, wherever they stand.
///
/// A weight is taken when every node that reads it has such a kernel and reads it the same way: the second factor of a
/// `MatMul` or plain `Gemm`, both weights of an `LSTM` together, or the table of a `Gather`.
struct KernelLayers {
    /// Kinds of kernels.
    enum Kind {
        /// Integer kernels that round activations to the range of each run; the weights may still have to be rounded.
        case dynamic
        /// Kernels that decode matrices a block at a time.
        case blocks
        /// Kernels that decode the rows of a table that are asked for.
        case rows

        /// What such a kernel is, in words.
        var words: String {
            switch self {
            case .dynamic: "that rounds activations at run time"
            case .blocks: "that decodes blocks as it goes"
            case .rows: "that decodes rows as it goes"
            }
        }

        /// Whether a node reads a weight as such a kernel does; nil for a weight that none takes.
        func readers(of weight: Weight) -> ((Node) -> Bool)? {
            switch (self, weight.form) {
            case (.dynamic, .dense(let tensor)):
                guard tensor.type == .float32 else { return nil }
                return { KernelLayers.hasKernel($0, tensor.shape) }
            case (.dynamic, .encoded(let form)):
                guard weight.execution == .folded, let form = form as? GroupedIntegers, form.levelBits == 8,
                    let layout = DynamicLayout(form)
                else { return nil }
                return layout.fits
            case (.blocks, .encoded(let form)):
                guard weight.execution == .folded, let form = form as? GroupedIntegers,
                    let layout = BlockLayout(form)
                else { return nil }
                return layout.fits
            case (.rows, .encoded(let form)):
                guard weight.execution == .folded, let form = form as? GroupedIntegers,
                    let layout = TableLayout(form)
                else { return nil }
                return layout.fits
            case (.blocks, .dense), (.rows, .dense): return nil
            }
        }

        /// Whether input `index` of `node` is where such kernels have their weight.
        func isLayer(_ node: Node, _ index: Int) -> Bool {
            switch self {
            case .rows: node.isStandard("Gather") && index == 0
            case .dynamic, .blocks: KernelLayers.isLayer(node, index)
            }
        }
    }

    /// A weight with the way its kernels read it.
    struct Entry: Sendable {
        /// Qualified name.
        let name: String
        let weight: Weight
        let part: LayerWeight

        /// The numbers; those of a weight that an earlier stage rounded are decoded anew at each use.
        var tensor: Tensor { weight.decoded() }
        /// The levels that an earlier stage gave it, where a kernel takes them as they are.
        var form: GroupedIntegers? { weight.representation as? GroupedIntegers }
    }

    /// A place that reads a weight.
    private struct Use {
        let node: Node
        let index: Int
        /// Which node it is: nodes need not have names.
        let place: Int
        /// Whether the other factor is a weight too.
        let isConstant: Bool
    }

    /// What was found, in the order of the graphs.
    private(set) var entries: [Entry] = []
    /// Why weights that products or `LSTM` read were not taken, by qualified name.
    private(set) var reasons: [String: String] = [:]
    private var tensors: [(name: String, weight: Weight)] = []
    private var uses: [String: [Use]] = [:]
    private var exposed: Set<String> = []
    private var places = 0
    private let kind: Kind

    /// Looks at the weights of `graph` and the graphs nested in it that have `minimumCount` elements, that `selector`
    /// accepts, and that kernels of `kind` may take.
    init(_ graph: Graph, for kind: Kind, minimumCount: Int, selector: Selector) {
        self.kind = kind
        var scopes: [GraphPath: [String: String]] = [:]
        graph.forEachGraph { graph, path in
            // Outer graphs come first; the main graph has none around it.
            let outer = path == .main ? nil : scopes[GraphPath(steps: path.steps.dropLast())]
            scopes[path] = visit(graph, at: path, around: outer ?? [:])
        }
        var parts: [String: LayerWeight] = [:]
        for (name, weight) in tensors {
            let readers = uses[name] ?? []
            guard readers.contains(where: { kind.isLayer($0.node, $0.index) }) else { continue }
            switch verdict(name, weight, readers, minimumCount, selector) {
            case .success(let part): parts[name] = part
            case .failure(let reason): reasons[name] = reason.text
            }
        }
        removeHalves(&parts)
        for (name, weight) in tensors {
            guard let part = parts[name] else { continue }
            entries.append(Entry(name: name, weight: weight, part: part))
        }
    }

    private static func isLayer(_ node: Node, _ index: Int) -> Bool {
        node.isStandard("LSTM") ? index == 1 || index == 2 : node.isStandard(oneOf: ["MatMul", "Gemm"]) && index == 1
    }

    // MARK: Readers

    /// Notes who reads what in one graph; answers the weights that graphs nested in it can see, by their names there.
    private mutating func visit(
        _ graph: Graph, at path: GraphPath, around outer: [String: String]
    ) -> [String: String] {
        var visible = outer
        for name in graph.inputs.map(\.name) + graph.nodes.flatMap(\.outputs) { visible[name] = nil }
        for weight in graph.weights {
            let name = path.qualified(weight.name)
            visible[weight.name] = name
            if kind.readers(of: weight) != nil { tensors.append((name, weight)) }
        }
        for node in graph.nodes {
            places += 1
            // A table is the first input itself.
            let isConstant = kind != .rows && node.inputs.first.map { visible[$0] != nil } ?? false
            for (index, input) in node.inputs.enumerated() {
                guard let name = visible[input] else { continue }
                uses[name, default: []].append(Use(node: node, index: index, place: places, isConstant: isConstant))
            }
        }
        for output in graph.outputs { if let name = visible[output.name] { exposed.insert(name) } }
        return visible
    }

    // MARK: Verdicts

    private struct Reason: Error { let text: String }

    private func verdict(
        _ name: String, _ weight: Weight, _ readers: [Use], _ minimumCount: Int, _ selector: Selector
    ) -> Result<LayerWeight, Reason> {
        func no(_ text: String) -> Result<LayerWeight, Reason> { .failure(Reason(text: text)) }
        guard selector.accepts(weight: name, count: weight.shape.count),
            readers.allSatisfy({ selector.accepts($0.node) })
        else { return no("the recipe leaves it out") }
        guard weight.shape.count > 0 else { return no("it has no elements") }
        guard weight.shape.count >= minimumCount else {
            return no("such a kernel costs more than \(weight.shape.count) weights save")
        }
        guard !exposed.contains(name) else { return no("it is also an output of its graph") }
        var parts: Set<LayerWeight> = []
        let isRead = kind.readers(of: weight) ?? { _ in false }
        for reader in readers {
            guard kind.isLayer(reader.node, reader.index), !reader.isConstant,
                let part = LayerWeight(reader.node, input: reader.index, shape: weight.shape), isRead(reader.node)
            else { return no("\(reader.node.label) has no kernel \(kind.words)") }
            parts.insert(part)
        }
        guard parts.count == 1, let part = parts.first else { return no("its readers read it in different ways") }
        return .success(part)
    }

    /// Whether a kernel of dense weights yet to be rounded does what the node says.
    private static func hasKernel(_ node: Node, _ shape: Shape) -> Bool {
        node.isStandard("LSTM")
            ? shape.rank == 3 && node.integer("layout", default: 0) == 0
            : shape.rank == 2 && ProductKernel.takes(node, isTransposed: ProductKernel.isTransposed(node))
    }

    /// The kernel of an `LSTM` takes both its weights in integers or none.
    private mutating func removeHalves(_ parts: inout [String: LayerWeight]) {
        var pairs: [Int: (label: String, names: Set<String>)] = [:]
        for (name, readers) in uses {
            for reader in readers
            where reader.node.isStandard("LSTM") && KernelLayers.isLayer(reader.node, reader.index) {
                pairs[reader.place, default: (reader.node.label, [])].names.insert(name)
            }
        }
        var isSettled = false
        while !isSettled {
            isSettled = true
            for (_, pair) in pairs.sorted(by: { $0.key < $1.key }) {
                let taken = pair.names.filter { parts[$0] != nil }
                guard taken.count == 1, let lone = taken.first else { continue }
                parts[lone] = nil
                reasons[lone] = "the kernel of \(pair.label) takes both its weights or none"
                isSettled = false
            }
        }
    }
}
