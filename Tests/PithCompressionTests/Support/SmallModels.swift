import PithFormats
import PithModel
import PithTensor

/// Models of a few layers that several suites work on.
enum SmallModels {
    /// `x [1, 3, 8, 8] -> Conv -> Relu -> Conv -> Add -> Relu -> GlobalAveragePool -> Flatten -> Gemm -> y [1, 10]`.
    static func residual(batch: Int = -1) throws -> Model {
        let nodes = [
            Node("Conv", inputs: ["x", "w1", "b1"], outputs: ["c1"], attributes: pads(1), name: "first"),
            Node("Relu", inputs: ["c1"], outputs: ["r1"]),
            Node("Conv", inputs: ["r1", "w2", "b2"], outputs: ["c2"], attributes: pads(1), name: "second"),
            Node("Add", inputs: ["c2", "r1"], outputs: ["s"]),
            Node("Relu", inputs: ["s"], outputs: ["r2"]),
            Node("GlobalAveragePool", inputs: ["r2"], outputs: ["g"]),
            Node("Flatten", inputs: ["g"], outputs: ["f"]),
            Node(
                "Gemm", inputs: ["f", "w3", "b3"], outputs: ["y"], attributes: [Attribute("transB", .integer(1))],
                name: "head"),
        ]
        return GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [batch, 3, 8, 8])], outputs: ["y"],
            weights: [
                try GraphBench.random("w1", [16, 3, 3, 3], seed: 1), try GraphBench.random("b1", [16], seed: 2),
                try GraphBench.random("w2", [16, 16, 3, 3], seed: 3), try GraphBench.random("b2", [16], seed: 4),
                try GraphBench.random("w3", [10, 16], seed: 5), try GraphBench.random("b3", [10], seed: 6),
            ])
    }

    static func pads(_ width: Int64) -> [Attribute] { [Attribute("pads", .integers([width, width, width, width]))] }

    /// An LSTM of 16 units over `x [sequence, 1, 16]`, and an operator nobody knows around it when `isCustom`.
    static func recurrent(isCustom: Bool = false) throws -> Model {
        var nodes = [
            Node(
                "LSTM", inputs: ["x", "w", "r"], outputs: ["h"], attributes: [Attribute("hidden_size", .integer(16))],
                name: "lstm")
        ]
        var weights = [
            try GraphBench.random("w", [1, 64, 16], seed: 1), try GraphBench.random("r", [1, 64, 16], seed: 2),
        ]
        if isCustom {
            nodes.append(Node("Blend", inputs: ["h", "table"], outputs: ["z"], name: "blend", domain: "com.example"))
            weights.append(try GraphBench.random("table", [64, 16], seed: 3))
        }
        var model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [4, 1, 16])], outputs: [isCustom ? "z" : "h"], weights: weights)
        if isCustom { model.operatorSets["com.example"] = 1 }
        return model
    }

    /// Numbers as a normal network sees them, from a seed.
    static func tensor(_ lengths: [Int], seed: UInt64) throws -> Tensor {
        try GraphBench.random("", lengths, seed: seed).decoded()
    }
}
