import Foundation
import PithCompression
import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor
import Testing

/// Layers with tanh between them and heavy-tailed weights, with data for them.
struct HeavyTails {
    let model: Model
    let data: Dataset

    /// Numbers of a normal distribution from a seed.
    private struct Normal {
        var generator: SplitMix64

        mutating func next() -> Double {
            let radius = (-2 * log(Double.random(in: Double.leastNormalMagnitude...1, using: &generator))).squareRoot()
            return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &generator))
        }

        /// Student's t with four degrees of freedom.
        mutating func heavyTailed() -> Double {
            let squares = (0..<4).reduce(0) { sum, _ in sum + { $0 * $0 }(next()) }
            return next() / (squares / 4).squareRoot()
        }
    }

    /// Four layers of `width`, products or (with `isTransposed`) `Gemm` with its weight's outputs first.
    init(width: Int, rows: Int, isTransposed: Bool = false, _ scratch: Scratch) throws {
        var normal = Normal(generator: SplitMix64(seed: 4)), weights: [Weight] = [], nodes: [Node] = []
        var value = "x"
        for layer in 0..<4 {
            let numbers = (0..<width * width).map { _ in Float(normal.heavyTailed() / (2 * Double(width)).squareRoot())
            }
            let order = numbers.indices.map { isTransposed ? $0 % width * width + $0 / width : $0 }
            weights.append(Weight("w\(layer)", Tensor(order.map { numbers[$0] }, shape: try Shape([width, width]))))
            let output = layer == 3 ? "y" : "h\(layer)"
            nodes.append(
                Node(
                    isTransposed ? "Gemm" : "MatMul", inputs: [value, "w\(layer)"], outputs: [output],
                    attributes: isTransposed ? [Attribute("transB", .integer(1))] : []))
            if layer < 3 { nodes.append(Node("Tanh", inputs: [output], outputs: ["t\(layer)"])) }
            value = "t\(layer)"
        }
        let numbers = (0..<rows * width).map { _ in Float(normal.next()) }
        try scratch.write("x.npy", npy: numbers, shape: [rows, width])
        let border = rows * 4 / 5
        let card = try scratch.write(
            "card.yaml",
            "inputs:\n  x: { file: x.npy }\nmetric: fidelity\ncalibrate: [0, \(border)]\nevaluate: [\(border), \(rows)]\n"
        )
        model = GraphBench.model(
            nodes, inputs: [GraphBench.input("x", [-1, width])], outputs: ["y"], weights: weights)
        data = try Dataset(path: card, graphInputs: model.graph.requiredInputs)
    }

    /// The model after a technique.
    func rounded(_ settings: some Technique, threads: Int = 2) async throws -> Workpiece {
        try await HeavyTails.rounded(settings, model, data, threads: threads)
    }

    /// Output SQNR on rows that were not calibrated on, in dB.
    func sqnr(_ settings: some Technique) async throws -> Double {
        try HeavyTails.sqnr(of: try await rounded(settings), model, data)
    }

    static func rounded(
        _ settings: some Technique, _ model: Model, _ data: Dataset, threads: Int = 2
    ) async throws -> Workpiece {
        var piece = Workpiece(model: model)
        try await settings.apply(to: &piece, in: StageContext(dataset: data, threads: threads))
        return piece
    }

    static func sqnr(of piece: Workpiece, _ model: Model, _ data: Dataset) throws -> Double {
        let reference = try Session(bytes: try ONNXWriter.encode(model), name: "float")
        let candidate = try Session(bytes: try ONNXWriter.encode(piece.model), name: "rounded")
        return try #require(try Evaluator(source: data, reference: reference).errors(of: candidate).first).sqnrDB
    }
}
