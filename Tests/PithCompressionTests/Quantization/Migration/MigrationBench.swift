import PithCompression
import PithFormats
import PithModel
import PithTensor

/// Small transformers with every constant from a seed, in the ways exporters write them.
struct MigrationBench {
    /// How values are normalized before each layer.
    enum Norm: String, CaseIterable, Sendable {
        case rms, layer, writtenLayer
    }

    var norm = Norm.rms
    var width = 48
    var heads = 4
    /// Heads that keys and values have; the others share them.
    var valueHeads = 4
    /// Whether the output head is the transposed embedding.
    var isTied = false
    /// Whether all gains are the same number.
    var hasUniformGain = false
    /// Whether normalization stands behind the sums.
    var isPostNorm = false
    /// What some rows of the weights that read the stream are multiplied with.
    var outlier: Float = 1

    static let vocabulary = 40
    private static let hidden = 80

    private var nodes: [Node] = []
    private var weights: [Weight] = []
    private var seed: UInt64 = 100

    init() {}

    /// `tokens [b, t] -> embedding -> 2 x (attention, gated feed-forward) -> normalization -> logits [b, t, 40]`.
    func model() throws -> Model {
        var bench = self
        return try bench.build()
    }

    static func tokens(_ rows: Int, seed: UInt64 = 5) throws -> Tensor {
        var generator = SplitMix64(seed: seed)
        return Tensor(
            (0..<rows * 6).map { _ in Int64.random(in: 0..<Int64(vocabulary), using: &generator) },
            shape: try Shape([rows, 6]))
    }

    private mutating func build() throws -> Model {
        weights = [
            try GraphBench.random("embed", [Self.vocabulary, width], seed: 1),
            Weight("epsilon", Tensor(scalar: Float(1e-5))), Weight("one", Tensor(scalar: Float(1))),
            Weight("two", Tensor(scalar: Float(2))), Weight("root", Tensor(scalar: Float(width / heads).squareRoot())),
            GraphBench.integers("split", [0, 0, Int64(heads), Int64(width / heads)]),
            GraphBench.integers("joined", [0, 0, Int64(width)]),
            GraphBench.integers("few", [0, 0, Int64(valueHeads), 1, Int64(width / heads)]),
            GraphBench.integers("spread", [1, 1, 1, Int64(heads / valueHeads), 1]),
        ]
        nodes = [Node("Gather", inputs: ["embed", "tokens"], outputs: ["s0"])]
        var stream = "s0"
        for block in 0..<2 {
            stream = try joined(stream, "a\(block)") { try $0.attention($1, "a\(block)") }
            stream = try joined(stream, "f\(block)") { try $0.feedForward($1, "f\(block)") }
        }
        let last = try isPostNorm ? stream : normalized(stream, "last")
        if isTied {
            nodes.insert(Node("Transpose", inputs: ["embed"], outputs: ["head"]), at: 0)
        } else {
            weights.append(try random("head", [width, Self.vocabulary]))
        }
        nodes.append(Node("MatMul", inputs: [last, "head"], outputs: ["logits"]))
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("tokens", [-1, -2], .int64)], outputs: ["logits"], weights: weights,
            opset: 17)
    }

    private mutating func joined(
        _ stream: String, _ name: String, _ layers: (inout MigrationBench, String) throws -> String
    ) throws -> String {
        let input = try isPostNorm ? stream : normalized(stream, name)
        let made = try layers(&self, input)
        nodes.append(Node("Add", inputs: [stream, made], outputs: ["\(name)_sum"], name: "\(name)_sum"))
        return try isPostNorm ? normalized("\(name)_sum", name) : "\(name)_sum"
    }

    private mutating func random(_ name: String, _ lengths: [Int], around mean: Float = 0) throws -> Weight {
        seed += 1
        let weight = try GraphBench.random(name, lengths, seed: seed)
        let scale = lengths.count == 2 ? 1 / Float(lengths[0]).squareRoot() * 1.7 : 0.5
        var numbers = weight.decoded().elements(as: Float.self).map { $0 * scale + mean }
        if lengths.count == 2, lengths[0] == width {
            for row in [3, 17] {
                for column in 0..<lengths[1] { numbers[row * lengths[1] + column] *= outlier }
            }
        }
        return Weight(name, Tensor(numbers, shape: weight.shape))
    }

    private mutating func product(_ input: String, _ name: String, _ lengths: [Int], hasBias: Bool = false) throws
        -> String
    {
        weights.append(try random("w_\(name)", lengths))
        nodes.append(Node("MatMul", inputs: [input, "w_\(name)"], outputs: [name], name: name))
        guard hasBias else { return name }
        weights.append(try random("b_\(name)", [lengths[1]]))
        nodes.append(Node("Add", inputs: ["b_\(name)", name], outputs: ["\(name)_biased"]))
        return "\(name)_biased"
    }

    private mutating func attention(_ x: String, _ name: String) throws -> String {
        let size = width / heads, narrow = valueHeads * size
        let q = try product(x, "\(name)_q", [width, width]), k = try product(x, "\(name)_k", [width, width])
        let v = try product(x, "\(name)_v", [width, narrow], hasBias: true)
        let turned = Attribute("perm", .integers([0, 2, 1, 3])), keys = Attribute("perm", .integers([0, 2, 3, 1]))
        nodes += [
            Node("Reshape", inputs: [q, "split"], outputs: ["\(q)_split"]),
            Node("Transpose", inputs: ["\(q)_split"], outputs: ["\(q)_heads"], attributes: [turned]),
            Node("Reshape", inputs: [k, "split"], outputs: ["\(k)_split"]),
            Node("Transpose", inputs: ["\(k)_split"], outputs: ["\(k)_heads"], attributes: [keys]),
            Node("Reshape", inputs: [v, "few"], outputs: ["\(v)_few"]),
            Node("Expand", inputs: ["\(v)_few", "spread"], outputs: ["\(v)_spread"]),
            Node("Reshape", inputs: ["\(v)_spread", "split"], outputs: ["\(v)_split"]),
            Node("Transpose", inputs: ["\(v)_split"], outputs: ["\(v)_heads"], attributes: [turned]),
            Node("MatMul", inputs: ["\(q)_heads", "\(k)_heads"], outputs: ["\(name)_scores"]),
            Node("Div", inputs: ["\(name)_scores", "root"], outputs: ["\(name)_scaled"]),
            Node(
                "Softmax", inputs: ["\(name)_scaled"], outputs: ["\(name)_weights"],
                attributes: [Attribute("axis", .integer(-1))]),
            Node("MatMul", inputs: ["\(name)_weights", "\(v)_heads"], outputs: ["\(name)_mixed"]),
            Node("Transpose", inputs: ["\(name)_mixed"], outputs: ["\(name)_turned"], attributes: [turned]),
            Node("Reshape", inputs: ["\(name)_turned", "joined"], outputs: ["\(name)_joined"]),
        ]
        return try product("\(name)_joined", "\(name)_o", [width, width], hasBias: true)
    }

    private mutating func feedForward(_ x: String, _ name: String) throws -> String {
        let gate = try product(x, "\(name)_gate", [width, Self.hidden])
        let up = try product(x, "\(name)_up", [width, Self.hidden])
        nodes += [
            Node("Sigmoid", inputs: [gate], outputs: ["\(gate)_open"]),
            Node("Mul", inputs: [gate, "\(gate)_open"], outputs: ["\(gate)_silu"]),
            Node("Mul", inputs: ["\(gate)_silu", up], outputs: ["\(name)_gated"]),
        ]
        return try product("\(name)_gated", "\(name)_down", [Self.hidden, width])
    }

    private mutating func normalized(_ x: String, _ name: String) throws -> String {
        let gain =
            hasUniformGain
            ? Weight("\(name)_gain", Tensor(vector: [Float](repeating: 0.75, count: width)))
            : try random("\(name)_gain", [width], around: 2)
        weights.append(gain)
        let axes = [Attribute("axes", .integers([-1])), Attribute("keepdims", .integer(1))]
        if norm != .rms { weights.append(try random("\(name)_bias", [width])) }
        switch norm {
        case .layer:
            nodes.append(
                Node(
                    "LayerNormalization", inputs: [x, "\(name)_gain", "\(name)_bias"], outputs: ["\(name)_n"],
                    attributes: [Attribute("axis", .integer(-1))], name: "\(name)_norm"))
        case .rms:
            nodes += [
                Node("Mul", inputs: [x, x], outputs: ["\(name)_squares"]),
                Node("ReduceMean", inputs: ["\(name)_squares"], outputs: ["\(name)_mean"], attributes: axes),
                Node("Add", inputs: ["\(name)_mean", "epsilon"], outputs: ["\(name)_safe"]),
                Node("Sqrt", inputs: ["\(name)_safe"], outputs: ["\(name)_root"]),
                Node("Div", inputs: ["one", "\(name)_root"], outputs: ["\(name)_inverse"]),
                Node("Mul", inputs: [x, "\(name)_inverse"], outputs: ["\(name)_unit"]),
                Node("Mul", inputs: ["\(name)_unit", "\(name)_gain"], outputs: ["\(name)_n"]),
            ]
        case .writtenLayer:
            nodes += [
                Node("ReduceMean", inputs: [x], outputs: ["\(name)_mean"], attributes: axes),
                Node("Sub", inputs: [x, "\(name)_mean"], outputs: ["\(name)_centred"]),
                Node("Pow", inputs: ["\(name)_centred", "two"], outputs: ["\(name)_squares"]),
                Node("ReduceMean", inputs: ["\(name)_squares"], outputs: ["\(name)_variance"], attributes: axes),
                Node("Add", inputs: ["\(name)_variance", "epsilon"], outputs: ["\(name)_safe"]),
                Node("Sqrt", inputs: ["\(name)_safe"], outputs: ["\(name)_root"]),
                Node("Div", inputs: ["\(name)_centred", "\(name)_root"], outputs: ["\(name)_unit"]),
                Node("Mul", inputs: ["\(name)_unit", "\(name)_gain"], outputs: ["\(name)_raised"]),
                Node("Add", inputs: ["\(name)_raised", "\(name)_bias"], outputs: ["\(name)_n"]),
            ]
        }
        return "\(name)_n"
    }
}

extension MigrationBench {
    /// Token rows for ``model()``, 24 of them to calibrate on.
    static func dataset(_ scratch: Scratch, for model: Model) throws -> Dataset {
        try scratch.write("tokens.npy", npy: try tokens(32, seed: 8).elements(as: Int64.self), shape: [32, 6])
        let card = try scratch.write(
            "card.yaml",
            "inputs:\n  tokens: { file: tokens.npy }\nmetric: fidelity\ncalibrate: [0, 24]\nevaluate: [24, 32]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    /// The model with every product rounded to nearest, four bits unless said otherwise, the whole range kept.
    static func rounded(_ model: Model, bits: Int = 4, blockSize: Int = 0) async throws -> Model {
        var quantizer = WeightQuantizer(), piece = Workpiece(model: model), selector = Selector()
        quantizer.bits = bits
        quantizer.blockSize = blockSize
        quantizer.symmetric = false
        selector.operators = ["MatMul", "Gemm"]
        try await quantizer.apply(to: &piece, in: StageContext(selector: selector))
        return piece.model
    }
}
