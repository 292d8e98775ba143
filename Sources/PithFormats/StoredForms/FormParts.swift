internal import PithModel
internal import PithTensor

/// Looks up the values of a graph that stored forms are made of.
struct FormParts {
    private let graph: Graph
    private let makers: [String: Node]
    private let place: (Weight) -> StoredForm.Source?

    init(_ graph: Graph, place: @escaping (Weight) -> StoredForm.Source?) {
        self.graph = graph
        self.place = place
        var makers: [String: Node] = [:]
        for node in graph.nodes {
            for output in node.outputs where !output.isEmpty { makers[output] = node }
        }
        self.makers = makers
    }

    /// Longer axes are no weight's.
    static let longestAxis = 1 << 48

    /// The numbers of a dense weight.
    func tensor(_ name: String?) -> Tensor? { name.flatMap { graph.weights[$0]?.dense } }

    /// The node of the standard set that makes a value by `operation`.
    func maker(of value: String, _ operation: String) -> Node? {
        guard let node = makers[value], node.isStandard(operation), !node.inputs.isEmpty else { return nil }
        return node
    }

    /// The values on the way from weights to `results`.
    ///
    /// - Complexity: O(nodes).
    func steps(to results: some Sequence<String>) -> Set<String> {
        var steps: Set<String> = [], waiting = results.flatMap { makers[$0]?.inputs ?? [] }
        while let value = waiting.popLast() {
            guard let maker = makers[value], steps.insert(value).inserted else { continue }
            waiting += maker.inputs
        }
        return steps
    }

    /// Where the numbers of a dense weight of the graph are.
    func source(named name: String) -> StoredForm.Source? { graph.weights[name].flatMap { source($0) } }

    /// Where the numbers of a dense weight are: in the file, or, when they are few, here.
    func source(_ weight: Weight) -> StoredForm.Source? {
        if let known = place(weight) { return known }
        guard let tensor = weight.dense, tensor.type != .string, tensor.byteCount <= 256 else { return nil }
        return .numbers(tensor)
    }

    /// Whether `node` turns numbers into `float32`.
    func isCastToFloat(_ node: Node) -> Bool { isCast(node, to: .float32) }

    /// What a `Cast` makes the floats `value` of; `value` itself where none does.
    func beforeCast(_ value: String) -> String {
        guard let cast = maker(of: value, "Cast"), isCastToFloat(cast) else { return value }
        return cast.inputs[0]
    }

    /// Whether `node` turns numbers into `type`.
    func isCast(_ node: Node, to type: ScalarType) -> Bool {
        node.isStandard("Cast") && node.integer("to", default: 0) == Int(ONNXType.code(type))
    }

    /// The one integer of a weight; nil for anything else.
    func scalar(_ name: String) -> Double? {
        guard let tensor = tensor(name), tensor.count == 1 else { return nil }
        return tensor.floats().map { Double($0[0]) } ?? tensor.integers().map { Double($0[0]) }
    }

    /// The whole numbers of a short list of a graph, such as a shape.
    func list(_ name: String) -> [Int]? {
        guard let tensor = tensor(name), tensor.shape.rank <= 1, tensor.count <= 64 else { return nil }
        return tensor.integers()
    }

    /// How scales group levels of `shape`, when `axis` is the one that several scales go along.
    static func grouping(
        _ scales: Tensor, of shape: Shape, axis: Int?, block: Int
    ) -> GroupedIntegers.Grouping? {
        if scales.count == 1, block == 0 { return .tensor }
        guard let axis, (0..<shape.rank).contains(axis) else { return nil }
        return block > 0 ? .block(axis: axis, size: block) : .channel(axis: axis)
    }

    /// Integers of `bits` that lie next to each other in the bytes of a weight; nil when it does not hold `shape` of them.
    func packed(_ name: String, bits: Int, offset: Int, shape: Shape) -> StoredForm? {
        let perByte = 8 / bits
        guard let tensor = tensor(name), tensor.type == .uint8, let source = source(named: name),
            shape.count % perByte == 0, tensor.count == shape.count / perByte
        else { return nil }
        return StoredForm(
            kind: StoredForm.packedIntegers, type: offset > 0 ? .int8 : .uint8, shape: shape,
            settings: [(StoredForm.Name.bits, bits), (StoredForm.Name.offset, offset)],
            parts: [(StoredForm.Role.bytes, source)])
    }

    /// The form of levels, scales and zero points of a graph that fit each other; nil when they do not.
    func grouped(
        _ levels: String, _ scales: String, zeros: String = "", grouping: GroupedIntegers.Grouping?
    ) -> StoredForm? {
        guard let grouping, let numbers = tensor(levels), let levelSource = source(named: levels) else { return nil }
        return grouped(
            (levelSource, numbers.type), of: numbers.shape, bits: numbers.type.bitWidth,
            scales: scales, zeros: zeros.isEmpty ? nil : source(named: zeros).map { ($0, tensor(zeros)?.count ?? 0) },
            grouping: grouping, isPadded: false, hasZeros: !zeros.isEmpty)
    }

    /// The form of levels from anywhere; nil when the parts do not fit each other.
    func grouped(
        _ levels: (source: StoredForm.Source, type: ScalarType), of shape: Shape, bits: Int, scales: String,
        zeros: (source: StoredForm.Source, count: Int)?, grouping: GroupedIntegers.Grouping, isPadded: Bool,
        hasZeros: Bool
    ) -> StoredForm? {
        guard levels.type.isInteger, levels.type.bitWidth <= 32, let factors = tensor(scales),
            factors.type == .float32 || factors.type == .float16, let scaleSource = source(named: scales),
            shape.dimensions.allSatisfy({ $0 <= FormParts.longestAxis })
        else { return nil }
        var settings = [(StoredForm.Name.bits, bits)]
        switch grouping {
        case .tensor: break
        case .channel(let axis):
            guard axis < shape.rank else { return nil }
            settings += [(StoredForm.Name.axis, axis)]
        case .block(let axis, let size):
            guard axis < shape.rank, size > 0, size <= max(shape.dimensions[axis], 1) else { return nil }
            settings += [(StoredForm.Name.axis, axis), (StoredForm.Name.block, size)]
            if isPadded { settings += [(StoredForm.Name.padded, 1)] }
        }
        let count = Shape.product(of: GroupedIntegers.scaleDimensions(of: shape, grouping))
        guard factors.count == count, !hasZeros || zeros.map({ $0.count == count }) ?? false else { return nil }
        var parts = [(StoredForm.Role.levels, levels.source), (StoredForm.Role.scales, scaleSource)]
        if let zeros { parts.append((StoredForm.Role.zeroPoints, zeros.source)) }
        return StoredForm(kind: GroupedIntegers.kind, type: .float32, shape: shape, settings: settings, parts: parts)
    }

    /// The form of codes that point into `table`, from the form of the codes as levels of `type`; nil when some have no
    /// entry there, and the levels as they are without a table.
    func tabled(_ levels: StoredForm, of type: ScalarType, _ table: String?) -> StoredForm? {
        guard let table else { return levels }
        guard let bits = levels.setting(StoredForm.Name.bits), bits <= 8, type.integerRange?.lowerBound == 0,
            levels.part(StoredForm.Role.zeroPoints) == nil, let entries = tensor(table), entries.type == .float32,
            entries.shape.dimensions == [1 << bits], let source = source(named: table)
        else { return nil }
        let parts = levels.parts.map { part in
            (part.role == StoredForm.Role.levels ? StoredForm.Role.codes : part.role, part.source)
        }
        return StoredForm(
            kind: TabledIntegers.kind, type: .float32, shape: levels.shape,
            settings: levels.settings.map { ($0.name, $0.value) }, parts: parts + [(StoredForm.Role.table, source)])
    }
}
