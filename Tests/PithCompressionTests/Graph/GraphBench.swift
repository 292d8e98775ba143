import Foundation
import PithCompression
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// What the graph tests share: small graphs, a way to run them, and a measure of their agreement.
enum GraphBench {
    /// Whether models can be run here.
    static let hasRuntime = (try? Runtime.load()) != nil

    static func model(
        _ nodes: [Node], inputs: [ValueInfo] = [], outputs: [String], weights: [Weight] = [], opset: Int = 13
    ) -> Model {
        let graph = Graph(
            name: "test", nodes: nodes, inputs: inputs, outputs: outputs.map { ValueInfo(name: $0) },
            weights: WeightTable(weights))
        return Model(graph: graph, operatorSets: ["": opset], formatVersion: 8)
    }

    /// An input; a negative length is the caller's choice.
    static func input(_ name: String, _ lengths: [Int], _ element: ScalarType = .float32) -> ValueInfo {
        let dimensions = lengths.map { $0 < 0 ? ValueType.Dimension.symbolic("n\(-$0)") : .fixed($0) }
        return ValueInfo(name: name, type: ValueType(element: element, dimensions: dimensions))
    }

    /// Normally distributed enough: sums of uniform numbers from a seed.
    static func random(_ name: String, _ lengths: [Int], seed: UInt64, around mean: Float = 0) throws -> Weight {
        let shape = try Shape(lengths)
        var generator = SplitMix64(seed: seed)
        let numbers = (0..<shape.count).map { _ in
            mean + (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -0.5...0.5, using: &generator) }
        }
        return Weight(name, Tensor(numbers, shape: shape))
    }

    static func integers(_ name: String, _ numbers: [Int64]) -> Weight { Weight(name, Tensor(vector: numbers)) }

    @discardableResult
    static func apply(_ pass: any GraphPass, to model: inout Model) throws -> WeightTrace {
        var trace = WeightTrace()
        _ = try pass.apply(to: &model, trace: &trace)
        return trace
    }

    @discardableResult
    static func clean(_ model: inout Model) throws -> (summary: CleanupSummary, trace: WeightTrace) {
        var trace = WeightTrace()
        let summary = try GraphCleaner(evaluator: RuntimeConstantEvaluator()).clean(&model, trace: &trace)
        return (summary, trace)
    }

    static func run(_ model: Model, _ inputs: [String: Tensor]) throws -> [String: Tensor] {
        var options = SessionOptions()
        options.optimization = .none
        return try Session(bytes: ONNXWriter.encode(model), name: "test", options: options).run(inputs)
    }

    /// Signal to noise in dB between the outputs of two models; infinite when they are the same bits.
    static func agreement(_ reference: Model, _ candidate: Model, _ inputs: [String: Tensor]) throws -> Double {
        let expected = try run(reference, inputs), found = try run(candidate, inputs)
        var signal = 0.0, noise = 0.0
        for (name, tensor) in expected {
            guard let other = found[name], other.shape == tensor.shape, other.type == tensor.type else {
                return -.infinity
            }
            if tensor == other { continue }
            guard let a = tensor.floats(), let b = other.floats() else { return -.infinity }
            for (left, right) in zip(a, b) {
                signal += Double(left) * Double(left)
                noise += Double(left - right) * Double(left - right)
            }
        }
        return noise == 0 ? .infinity : 10 * log10(signal / noise)
    }

    /// Whether every value has one source and every reader finds it.
    static func isSound(_ model: Model) throws -> Bool {
        var graph = model.graph
        try graph.validate()
        return true
    }

    static func operations(_ graph: Graph) -> [String] { graph.nodes.map(\.operation) }
}
