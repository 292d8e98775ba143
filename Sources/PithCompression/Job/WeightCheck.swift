import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// A small model that only decodes weights, taken from a written file.
struct WeightCheck {
    private let file: Graph
    private let model: Model
    private let producers: [String: Int]
    private var names: NameSource
    private var graph = Graph(name: "weights")
    private var taken: Set<Int> = []
    private(set) var weights: [(weight: Weight, output: String)] = []
    private(set) var byteCount = 0

    /// Rows of a unit matrix in one product.
    private static let unitRows = 512

    init(file: Graph, model: Model) {
        self.file = file
        self.model = model
        var producers: [String: Int] = [:]
        for (index, node) in file.nodes.enumerated() {
            for output in node.outputs { producers[output] = index }
        }
        self.producers = producers
        names = NameSource(taken: model.graph.allNames)
    }

    /// Takes the operators that decode `weight`; a table is read at all its rows.
    mutating func add(_ weight: Weight, in meant: Graph) {
        switch weight.execution {
        case .dynamic: return addKernels(of: weight, in: meant)
        case .blocks, .roundedBlocks: return addBlockKernels(of: weight, in: meant)
        case .rows: return addRowKernels(of: weight, in: meant)
        case .folded, .integer: break
        }
        var output = weight.name
        if producers[output] == nil, let gather = tableReader(of: weight.name, in: meant) {
            output = gather.outputs[0]
            let rows = Tensor(vector: (0..<weight.shape.dimensions[0]).map { Int64($0) })
            // Tables whose rows are chosen by the same value share it, so each keeps its own name for it.
            let index = "\(weight.name) rows"
            include(output, replacing: gather.inputs[1], by: index)
            graph.weights[index] = Weight(index, rows)
        } else {
            include(output, replacing: nil, by: "")
        }
        graph.outputs.append(ValueInfo(name: output))
        weights.append((weight, output))
        byteCount += weight.shape.count * 4
    }

    /// Decodes what kernels read in place of `weight`: `(levels - zero points) * scales`, the axes put back in order.
    private mutating func addKernels(of weight: Weight, in meant: Graph) {
        let readers = KernelTensors.readers(of: weight.name, meant: meant, file: file)
        let form = weight.representation as? GroupedIntegers
        // Kernels multiply from the left: their levels have the inputs before the outputs.
        let axes: [Int64] =
            weight.shape.rank == 3 ? [0, 2, 1] : form?.grouping == .channel(axis: 0) ? [1, 0] : [0, 1]
        // A weight that no kernel is found to read has no output here, which the comparison then misses.
        for (number, tensors) in readers.enumerated() {
            let base = names.make(weight.name, " kernel \(number)")
            var value = addNumbers(tensors.levels, tensors, base + " levels")
            if !tensors.zeroPoints.isEmpty {
                let zero = addNumbers(tensors.zeroPoints, tensors, base + " zeros")
                graph.nodes.append(Node("Sub", inputs: [value, zero], outputs: [base + " steps"]))
                value = base + " steps"
            }
            let scale = addRows(tensors.scales, tensors, base + " scales")
            graph.nodes.append(Node("Mul", inputs: [value, scale], outputs: [base + " product"]))
            let order = Attribute("perm", .integers(axes))
            graph.nodes.append(Node("Transpose", inputs: [base + " product"], outputs: [base], attributes: [order]))
            graph.outputs.append(ValueInfo(name: base))
            weights.append((weight, base))
        }
        if readers.isEmpty { weights.append((weight, "")) }
        byteCount += weight.shape.count * 4
    }

    /// Decodes what kernels that work in blocks read in place of `weight`: the kernel itself multiplies the unit matrix with
    /// it, in float arithmetic, so that each of its sums has one term that is not zero.
    private mutating func addBlockKernels(of weight: Weight, in meant: Graph) {
        let kernels = KernelTensors.blockKernels(of: weight.name, meant: meant, file: file)
        let isTransposed =
            (weight.representation as? GroupedIntegers).flatMap { BlockLayout($0) }?.isTransposed ?? false
        for (number, kernel) in kernels.enumerated() {
            let base = names.make(weight.name, " kernel \(number)"), inputs = Int(kernel.integer("K", default: 0))
            var parts: [String] = []
            for start in stride(from: 0, to: inputs, by: WeightCheck.unitRows) {
                var part = kernel
                part.name = ""
                part.inputs[0] = addUnitRows(start..<min(start + WeightCheck.unitRows, inputs), of: inputs)
                part.outputs = ["\(base) \(start)"]
                part.attributes.removeAll { $0.name == "accuracy_level" }
                graph.nodes.append(part)
                parts += part.outputs
            }
            for input in kernel.inputs.dropFirst() { include(input, replacing: nil, by: "") }
            graph.nodes.append(
                Node(
                    "Concat", inputs: parts, outputs: ["\(base) matrix"], attributes: [Attribute("axis", .integer(0))]))
            let order = Attribute("perm", .integers(isTransposed ? [1, 0] : [0, 1]))
            graph.nodes.append(
                Node("Transpose", inputs: ["\(base) matrix"], outputs: [base], attributes: [order]))
            graph.outputs.append(ValueInfo(name: base))
            weights.append((weight, base))
        }
        if kernels.isEmpty { weights.append((weight, "")) }
        byteCount += weight.shape.count * 4
    }

    /// Decodes what kernels read in place of the table `weight`: the kernel itself reads all its rows.
    private mutating func addRowKernels(of weight: Weight, in meant: Graph) {
        let kernels = KernelTensors.rowKernels(of: weight.name, meant: meant, file: file)
        let index = names.make(weight.name, " rows")
        graph.weights[index] = Weight(index, Tensor(vector: (0..<weight.shape.dimensions[0]).map { Int64($0) }))
        for (number, kernel) in kernels.enumerated() {
            var whole = kernel
            whole.name = ""
            whole.inputs[1] = index
            whole.outputs = [names.make(weight.name, " kernel \(number)")]
            for (place, input) in kernel.inputs.enumerated() where place != 1 {
                include(input, replacing: nil, by: "")
            }
            graph.nodes.append(whole)
            graph.outputs.append(ValueInfo(name: whole.outputs[0]))
            weights.append((weight, whole.outputs[0]))
        }
        if kernels.isEmpty { weights.append((weight, "")) }
        byteCount += weight.shape.count * 4
    }

    /// Some rows of a unit matrix, computed where they are needed: whole, they would take the square of a layer's inputs.
    private mutating func addUnitRows(_ rows: Range<Int>, of count: Int) -> String {
        let name = "unit \(rows) of \(count)", columns = "columns \(count)", numbers = "rows \(rows)"
        guard !graph.nodes.contains(where: { $0.outputs == [name] }) else { return name }
        if graph.weights[numbers] == nil {
            graph.weights[numbers] = WeightCheck.count(rows, named: numbers, isRow: false)
        }
        if graph.weights[columns] == nil {
            graph.weights[columns] = WeightCheck.count(0..<count, named: columns, isRow: true)
        }
        graph.nodes += [
            Node("Equal", inputs: [numbers, columns], outputs: ["\(name)?"]),
            Node("Cast", inputs: ["\(name)?"], outputs: [name], attributes: [Attribute("to", .integer(1))]),
        ]
        return name
    }

    /// Numbers one after the other, as a row or a column.
    private static func count(_ numbers: Range<Int>, named name: String, isRow: Bool) -> Weight? {
        let tensor = Tensor(vector: numbers.map { Int64($0) })
        let shape = try? Shape(isRow ? [1, numbers.count] : [numbers.count, 1])
        return shape.flatMap { try? tensor.reshaped(to: $0) }.map { Weight(name, $0) }
    }

    /// The tensor `name` of the file as floats.
    private mutating func addNumbers(_ name: String, _ tensors: KernelTensors, _ base: String) -> String {
        let toFloat = Attribute("to", .integer(1))
        if name == tensors.levels { graph.weights[name] = file.weights[name] }
        let rows = name == tensors.levels ? name : addRows(name, tensors, base + " rows")
        graph.nodes.append(Node("Cast", inputs: [rows], outputs: [base], attributes: [toFloat]))
        return base
    }

    /// The tensor `name` of the file with one number for each column of the levels, beside an axis of directions.
    private mutating func addRows(_ name: String, _ tensors: KernelTensors, _ base: String) -> String {
        guard let tensor = file.weights[name]?.dense else { return name }
        let axes = tensor.shape.dimensions
        let wanted = tensors.isRecurrent && axes.count == 2 ? [axes[0], 1, axes[1]] : axes
        let reshaped = (try? Shape(wanted)).flatMap { try? tensor.reshaped(to: $0) } ?? tensor
        graph.weights[base] = Weight(base, reshaped)
        return base
    }

    /// A `Gather` of the rows of the table `name`.
    private func tableReader(of name: String, in graph: Graph) -> Node? {
        graph.nodes.first {
            $0.isStandard("Gather") && $0.inputs.first == name && $0.inputs.count > 1 && !$0.outputs.isEmpty
        }
    }

    private mutating func include(_ value: String, replacing name: String?, by replacement: String) {
        if let weight = file.weights[value] {
            graph.weights[value] = weight
            return
        }
        guard let index = producers[value], taken.insert(index).inserted else { return }
        var node = file.nodes[index]
        for (position, input) in node.inputs.enumerated() where !input.isEmpty {
            if input == name {
                node.inputs[position] = replacement
            } else {
                include(input, replacing: name, by: replacement)
            }
        }
        graph.nodes.append(node)
    }

    /// The decoded weights by the name of their output.
    func run() throws -> [String: Tensor] {
        guard !weights.isEmpty else { return [:] }
        let check = Model(
            graph: graph, operatorSets: model.operatorSets, formatVersion: model.formatVersion)
        var options = SessionOptions()
        options.optimization = .none
        return try Session(bytes: ONNXWriter.encode(check), name: "weights", options: options).run([:])
    }
}
