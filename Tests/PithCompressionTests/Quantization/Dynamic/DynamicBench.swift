import PithCompression
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Models of products and recurrent layers, and what a runtime runs of them.
enum DynamicBench {
    /// `x [n, 64] -> three products of one activation, summed -> Gelu-like curve -> product -> y [n, 64]`.
    ///
    /// `outlier` multiplies one channel of the first activation.
    static func products(outlier: Float = 1) throws -> Model {
        var emphasis = [Float](repeating: 1, count: 64)
        emphasis[5] = outlier
        let nodes = [
            Node("Mul", inputs: ["x", "emphasis"], outputs: ["a"]),
            Node("MatMul", inputs: ["a", "w1"], outputs: ["p1"], name: "first"),
            Node("MatMul", inputs: ["a", "w2"], outputs: ["p2"], name: "second"),
            Node("MatMul", inputs: ["a", "w3"], outputs: ["p3"], name: "third"),
            Node("Add", inputs: ["p1", "p2"], outputs: ["s1"]), Node("Add", inputs: ["s1", "p3"], outputs: ["s2"]),
            Node("Tanh", inputs: ["s2"], outputs: ["t"]),
            Node("MatMul", inputs: ["t", "w4"], outputs: ["m"], name: "last"),
            Node("Add", inputs: ["m", "b"], outputs: ["y"]),
        ]
        var weights = try (1...4).map { try GraphBench.random("w\($0)", [64, 64], seed: UInt64($0)) }
        for index in 0..<3 {
            // Rows of small weights meet the large channel, as in trained networks.
            var numbers = weights[index].decoded().elements(as: Float.self)
            for place in 5 * 64..<6 * 64 { numbers[place] /= outlier }
            weights[index] = Weight(weights[index].name, Tensor(numbers.map { $0 / 8 }, shape: weights[index].shape))
        }
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, 64])], outputs: ["y"],
            weights: weights + [
                try GraphBench.random("b", [64], seed: 9), Weight("emphasis", Tensor(vector: emphasis)),
            ])
    }

    /// Products `a [n, 128] -> y1 [n, 64]`, `y2`, and so on, of large channels and small ones.
    ///
    /// Channels 0 to 63 of `a` are a hundred times as large as the others and meet weights as much smaller; `equals` further
    /// products read channels of the same size.
    static func unequal(products: Int, equals: Int = 0) throws -> Model {
        let emphasis = (0..<128).map { Float($0 < 64 ? 100 : 1) }, numbers = 1...products + equals
        let weights = try numbers.map { number -> Weight in
            let weight = try GraphBench.random("w\(number)", [128, 64], seed: UInt64(number))
            guard number <= products else { return weight }
            let scaled = weight.decoded().elements(as: Float.self).enumerated().map { $1 / emphasis[$0 / 64] }
            return Weight(weight.name, Tensor(scaled, shape: weight.shape))
        }
        return GraphBench.model(
            [Node("Concat", inputs: ["x", "x"], outputs: ["d"], attributes: [Attribute("axis", .integer(1))])]
                + [Node("Mul", inputs: ["d", "emphasis"], outputs: ["a"])]
                + numbers.map {
                    Node("MatMul", inputs: [$0 <= products ? "a" : "d", "w\($0)"], outputs: ["y\($0)"])
                },
            inputs: [GraphBench.input("x", [-1, 64])], outputs: numbers.map { "y\($0)" },
            weights: weights + [Weight("emphasis", Tensor(vector: emphasis))])
    }

    /// A recurrent layer of 64 units over `x [sequence, 1, 64]` and a product: `LSTM` or `GRU`, in one direction or both.
    static func recurrent(_ operation: String, directions: Int = 1) throws -> Model {
        let gates = operation == "LSTM" ? 4 : 3
        let direction = directions == 2 ? [Attribute("direction", .text("bidirectional"))] : []
        func small(_ name: String, _ lengths: [Int], seed: UInt64) throws -> Weight {
            let weight = try GraphBench.random(name, lengths, seed: seed)
            let numbers = weight.decoded().elements(as: Float.self).map { $0 / 8 }
            return Weight(name, Tensor(numbers, shape: weight.shape))
        }
        let nodes = [
            Node(
                operation, inputs: ["x", "w", "r", "b"], outputs: ["h"],
                attributes: [Attribute("hidden_size", .integer(64))] + direction, name: "cell"),
            // [sequence, directions, 1, 64] -> [sequence, directions, 64]
            Node("Squeeze", inputs: ["h", "two"], outputs: ["s"]),
            Node("MatMul", inputs: ["s", "v"], outputs: ["y"], name: "head"),
        ]
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [20, 1, 64])], outputs: ["y"],
            weights: [
                try small("w", [directions, gates * 64, 64], seed: 1),
                try small("r", [directions, gates * 64, 64], seed: 2),
                try small("b", [directions, 2 * gates * 64], seed: 3), try small("v", [64, 64], seed: 4),
                GraphBench.integers("two", [2]),
            ])
    }

    /// How often each kernel runs in one run of the optimized model.
    static func kernels(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Int] {
        let scratch = try Scratch()
        var options = SessionOptions()
        options.profilePrefix = scratch.path("profile")
        let session = try Session(bytes: try ONNXWriter.encode(model), name: "dynamic", options: options)
        _ = try session.run(inputs)
        return try session.finishProfiling().reduce(into: [:]) { $0[$1.operation, default: 0] += 1 }
    }

    /// Normal samples `x [60, 64]` for ``products(outlier:)``, 40 of them to calibrate on.
    static func dataset(_ scratch: Scratch, for model: Model) throws -> Dataset {
        let numbers = try SmallModels.tensor([60, 64], seed: 8).elements(as: Float.self)
        try scratch.write("x.npy", npy: numbers, shape: [60, 64])
        let card = try scratch.write(
            "card.yaml", "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, 40]\nevaluate: [40, 60]\n")
        return try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }
}
