import PithModel
import PithTensor

extension StreamTracer {
    /// Applies the rule of a node to what is known of the values around it.
    ///
    /// - Returns: Whether the node is explained; if not, something is to become known of another of its values.
    mutating func settle(_ position: Int) throws(Obstacle) -> Bool {
        let node = graph.nodes[position]
        guard node.domain.isEmpty else { return try other(node) }
        switch node.operation {
        case "MatMul", "Gemm": return try product(node, position)
        case "Gather": return try table(node, position)
        case "Add", "Sub": return try sum(node, position)
        case "Mul", "Div": return try factor(node, position)
        case "Pow": return try power(node)
        case "ReduceMean", "ReduceSum", "ReduceSumSquare", "ReduceL2": return try reduction(node, position)
        case "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization":
            return try normalization(node, position)
        case "Sqrt", "Reciprocal", "Max", "Min", "Clip": return try ofRows(node)
        case "Identity": return try identity(node)
        case "Shape": return true
        default: return try other(node)
        }
    }

    /// Whether a value is rotated.
    private func isRotated(_ value: String) -> Bool {
        if case .rotated = kinds[value] { true } else { false }
    }

    private func isTouched(_ value: String) -> Bool { isRotated(value) || kinds[value] == .squared }

    private func gain(of value: String) -> [Double]? {
        if case .rotated(let gain) = kinds[value] { gain } else { nil }
    }

    /// A row of constants, one for each channel, or a single one.
    private func row(_ value: String) -> [Double]? {
        guard let source = readers.source(of: value), !source.isTransposed,
            source.lengths.reduce(1, *) == source.lengths.last ?? 1,
            let tensor = graph.weights[source.name]?.dense
        else { return nil }
        return tensor.elements(as: Float.self).map(Double.init)
    }

    /// A node that no rule covers may have nothing to do with rotated values.
    private func other(_ node: Node) throws(Obstacle) -> Bool {
        if let input = node.readNames.sorted().first(where: isTouched) {
            throw Obstacle(text: "\(node.label) reads '\(input)'")
        }
        if let output = node.outputs.first(where: isTouched) {
            throw Obstacle(text: "\(node.label) makes '\(output)'")
        }
        return true
    }

    // MARK: Layers

    private mutating func product(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard let axis = ProductGroup.inputAxis(of: node), let source = readers.source(of: node.inputs[1]),
            source.lengths.count == 2, let output = node.outputs.first, readers.source(of: node.inputs[0]) == nil
        else { return try other(node) }
        guard kinds[node.inputs[0]] != .squared, kinds[output] != .squared else { return try other(node) }
        if isRotated(node.inputs[0]) {
            try add(
                position, 1, axis: axis, count: source.lengths[axis], .rotated(after: gain(of: node.inputs[0])))
        }
        guard isRotated(output) else { return true }
        try add(position, 1, axis: 1 - axis, count: source.lengths[1 - axis], .rotated(after: nil))
        if node.inputs.count > 2, !node.inputs[2].isEmpty {
            guard let bias = row(node.inputs[2]) else { return try other(node) }
            try add(position, 2, count: bias.count, .rotated(after: nil))
        }
        return true
    }

    private mutating func table(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard let output = node.outputs.first, isRotated(output) else { return try other(node) }
        guard node.integer("axis", default: 0) == 0, let source = readers.source(of: node.inputs[0]),
            source.lengths.count == 2
        else { return try other(node) }
        try add(position, 0, axis: 1, count: source.lengths[1], .rotated(after: nil))
        return true
    }

    // MARK: Arithmetic

    private mutating func sum(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard node.inputs.count == 2, let output = node.outputs.first else { return try other(node) }
        if let side = node.inputs.indices.first(where: { readers.source(of: node.inputs[$0]) != nil }) {
            return try constantSum(node, position, side: side, output)
        }
        let first = node.inputs[0], second = node.inputs[1]
        if kinds[first] == .unchanged, kinds[second] == .unchanged {
            try set(output, .unchanged)
            return true
        }
        guard [first, second, output].contains(where: isTouched) else { return true }
        if node.isStandard("Sub") {
            // A mean is known before what it is subtracted from is looked at again; a difference of two streams is no case
            // worth a rule.
            guard isRotated(first), gain(of: first) == nil else {
                return try isRotated(first) || isTouched(second) ? other(node) : false
            }
            guard kinds[second] == .unchanged else { return try isTouched(second) ? other(node) : false }
            keepsMeans = true
            try set(output, .rotated(gain: nil))
            return true
        }
        guard [first, second].allSatisfy({ kinds[$0] != .unchanged && kinds[$0] != .squared }) else {
            return try other(node)
        }
        guard [first, second, output].allSatisfy({ gain(of: $0) == nil }) else {
            throw Obstacle(text: "\(node.label) adds normalized values to it, each channel with a gain of its own")
        }
        for value in [first, second, output] { try set(value, .rotated(gain: nil)) }
        return true
    }

    private mutating func constantSum(
        _ node: Node, _ position: Int, side: Int, _ output: String
    ) throws(Obstacle) -> Bool {
        let input = node.inputs[1 - side]
        if kinds[input] == .unchanged { return try ofRows(node) }
        guard isTouched(input) || isTouched(output) else { return true }
        guard let values = row(node.inputs[side]), values.count > 1, node.isStandard("Add") || side == 1,
            kinds[input] != .squared
        else { return try other(node) }
        let gain = gain(of: isRotated(input) ? input : output)
        try add(position, side, count: values.count, .rotated(after: gain.map { $0.map { 1 / $0 } }))
        try set(input, .rotated(gain: gain))
        try set(output, .rotated(gain: gain))
        return true
    }

    private mutating func factor(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard node.inputs.count == 2, let output = node.outputs.first else { return try other(node) }
        let first = node.inputs[0], second = node.inputs[1], isDivision = node.isStandard("Div")
        if let side = node.inputs.indices.first(where: { readers.source(of: node.inputs[$0]) != nil }) {
            guard side == 1 || !isDivision else { return try ofRows(node) }
            return try constantFactor(node, position, side: side, output)
        }
        if first == second, isRotated(first), !isDivision, gain(of: first) == nil {
            try set(output, .squared)
            return true
        }
        if kinds[first] == .unchanged, kinds[second] == .unchanged { return try ofRows(node) }
        guard [first, second, output].contains(where: isTouched) else { return true }
        for (value, scale) in isDivision ? [(first, second)] : [(first, second), (second, first)]
        where isRotated(value) && kinds[scale] == .unchanged {
            try set(output, .rotated(gain: gain(of: value)))
            return true
        }
        guard ![first, second].allSatisfy(isTouched), kinds[first] != .squared, kinds[second] != .squared,
            !isDivision || !isTouched(second)
        else { return try other(node) }
        return false
    }

    private mutating func constantFactor(
        _ node: Node, _ position: Int, side: Int, _ output: String
    ) throws(Obstacle) -> Bool {
        let input = node.inputs[1 - side]
        if kinds[input] == .unchanged { return try ofRows(node) }
        guard isTouched(input) || isTouched(output) else { return true }
        guard let numbers = row(node.inputs[side]), kinds[input] != .squared else { return try other(node) }
        let factors = node.isStandard("Div") ? numbers.map { 1 / $0 } : numbers
        guard Set(factors).count > 1 else {
            // The same for all channels: a rotation does not see it.
            let kind = kinds[isRotated(input) ? input : output] ?? .rotated(gain: nil)
            try set(input, kind)
            try set(output, kind)
            return true
        }
        guard isRotated(input) else {
            throw Obstacle(
                text: "\(node.label) multiplies each channel of what is added to it, as after a normalization")
        }
        let before = gain(of: input), product = before.map { zip($0, factors).map { $0 * $1 } } ?? factors
        try StreamTracer.requireInvertible(product, node)
        try add(position, side, count: numbers.count, .scaled(numbers.map { 1 / $0 }))
        try set(output, .rotated(gain: product))
        return true
    }

    private mutating func power(_ node: Node) throws(Obstacle) -> Bool {
        guard let value = node.inputs.first, let output = node.outputs.first, node.inputs.count == 2,
            let exponent = row(node.inputs[1]), exponent.count == 1
        else { return try other(node) }
        if kinds[value] == .unchanged { return try ofRows(node) }
        guard isRotated(value), gain(of: value) == nil, exponent[0] == 2 else { return try other(node) }
        try set(output, .squared)
        return true
    }

    // MARK: Normalization

    private mutating func reduction(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard let value = node.inputs.first, let output = node.outputs.first, isTouched(value) else {
            return try other(node)
        }
        let axes = node.integers("axes") ?? (node.inputs.count > 1 ? integers(node.inputs[1]) : nil)
        guard axes == [-1], node.integer("keepdims", default: 1) == 1, gain(of: value) == nil else {
            return try other(node)
        }
        let isSum = node.isStandard(oneOf: ["ReduceMean", "ReduceSum"])
        guard isSum || kinds[value] != .squared else { return try other(node) }
        if isSum, isRotated(value) { keepsMeans = true } else { normalizing.insert(position) }
        try set(output, .unchanged)
        return true
    }

    private func integers(_ value: String) -> [Int]? { graph.weights[value]?.dense?.integers() }

    private mutating func normalization(_ node: Node, _ position: Int) throws(Obstacle) -> Bool {
        guard let output = node.outputs.first, node.inputs.count > 1, isRotated(node.inputs[0]),
            gain(of: node.inputs[0]) == nil, node.integer("axis", default: -1) == -1
        else { return try other(node) }
        guard let gain = row(node.inputs[1]) else { return try other(node) }
        normalizing.insert(position)
        if node.isStandard("LayerNormalization") { keepsMeans = true }
        let isUniform = Set(gain).count == 1
        if !isUniform {
            try StreamTracer.requireInvertible(gain, node)
            try add(position, 1, count: gain.count, .scaled(gain.map { 1 / $0 }))
        }
        if node.inputs.count > 2, !node.inputs[2].isEmpty {
            guard let bias = row(node.inputs[2]), bias.count > 1 else { return try other(node) }
            try add(position, 2, count: bias.count, .rotated(after: isUniform ? nil : gain.map { 1 / $0 }))
        }
        try set(output, .rotated(gain: isUniform ? nil : gain))
        return true
    }

    /// A gain that is to be folded into the readers is divided out of a bias that follows it.
    private static func requireInvertible(_ gain: [Double], _ node: Node) throws(Obstacle) {
        let magnitudes = gain.map { abs($0) }, largest = magnitudes.max() ?? 0, smallest = magnitudes.min() ?? 0
        guard largest.isFinite, smallest > 0, largest <= 1e6 * smallest else {
            throw Obstacle(text: "the gain of \(node.label) is zero, or as good as that, for some channels")
        }
    }

    // MARK: Numbers of rows

    /// A node whose inputs are unchanged numbers of rows and single constants makes another such number.
    private mutating func ofRows(_ node: Node) throws(Obstacle) -> Bool {
        guard !node.inputs.contains(where: isTouched) else { return try other(node) }
        let areRows = node.inputs.allSatisfy { input in
            input.isEmpty || kinds[input] == .unchanged || row(input)?.count == 1
                || graph.weights[input]?.shape.count == 1
        }
        guard areRows, let output = node.outputs.first, node.inputs.contains(where: { kinds[$0] == .unchanged }) else {
            return true
        }
        try set(output, .unchanged)
        return true
    }

    private mutating func identity(_ node: Node) throws(Obstacle) -> Bool {
        guard let input = node.inputs.first, let output = node.outputs.first,
            let kind = kinds[input] ?? kinds[output].flatMap({ $0 == .unchanged ? nil : $0 })
        else { return true }
        try set(input, kind)
        try set(output, kind)
        return true
    }
}
