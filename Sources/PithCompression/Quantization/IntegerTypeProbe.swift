import PithEvaluation
import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// Asks the runtime on this machine which 8-bit type of activations its convolutions run faster with.
///
/// The question is answered once on a machine: on x86 kernels take unsigned activations, elsewhere either.
package enum IntegerTypeProbe {
    /// Time with signed activations over time with unsigned ones, nil answered as 1.
    package static func unsignedSpeedup(profile: MachineProfile) throws -> Double {
        let runtime = try Runtime.load()
        let answer = try profile.answer("unsigned over signed 8-bit activations", runtime: runtime) {
            let sessions = try [ScalarType.int8, .uint8].map { type in
                try Session(bytes: try ONNXWriter.encode(model(type)), name: type.rawValue)
            }
            var generator = SplitMix64(seed: 1)
            let shape = try Shape([1, channels, 32, 32])
            let values = (0..<shape.count).map { _ in Float.random(in: -1...1, using: &generator) }
            let settings = try Latency(minimumRounds: 30, budgetSeconds: 0.05)
            let reports = try settings.measure(sessions, inputs: ["x": Tensor(values, shape: shape)])
            return reports.first?.pairedSpeedup ?? 1
        }
        return answer ?? 1
    }

    private static let channels = 16

    /// Two 3x3 convolutions with a ReLU between, in integers.
    private static func model(_ type: ScalarType) throws -> Model {
        var generator = SplitMix64(seed: 2), graph = Graph(name: "probe")
        let shape = try Shape([channels, channels, 3, 3])
        var value = "x"
        let format = ActivationFormat(type: type, scale: 1.0 / 64, zeroPoint: type == .uint8 ? 128 : 0)
        graph.activationFormats[value] = format
        for layer in 1...2 {
            let numbers = (0..<shape.count).map { _ in Float.random(in: -0.1...0.1, using: &generator) }
            let form = try SymmetricIntegers.encode(Tensor(numbers, shape: shape), named: "w\(layer)", axis: 0)
            graph.weights["w\(layer)"] = Weight(name: "w\(layer)", form: .encoded(form))
            graph.weights["w\(layer)"]?.execution = .integer
            graph.nodes.append(
                Node(
                    "Conv", inputs: [value, "w\(layer)"], outputs: ["c\(layer)"],
                    attributes: [Attribute("pads", .integers([1, 1, 1, 1]))]))
            graph.activationFormats["c\(layer)"] = format
            value = "c\(layer)"
        }
        graph.nodes.append(Node("GlobalAveragePool", inputs: [value], outputs: ["y"]))
        let type = ValueType(element: .float32, dimensions: [1, channels, 32, 32].map { .fixed($0) })
        graph.inputs = [ValueInfo(name: "x", type: type)]
        graph.outputs = [ValueInfo(name: "y")]
        return Model(graph: graph, operatorSets: ["": 13], formatVersion: 7)
    }
}
