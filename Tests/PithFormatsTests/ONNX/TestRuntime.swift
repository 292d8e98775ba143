import PithFormats
import PithModel
import PithRuntime
import PithTensor

/// The runtime that the tests use, where there is one.
enum TestRuntime {
    /// Nil where no ONNX Runtime is found: tests that need one are then skipped, by name.
    static let shared: Runtime? = try? Runtime.load()
    static var isPresent: Bool { shared != nil }

    /// Whether the runtime is the version that expected lists of unsupported cases were made with.
    static var isReference: Bool { shared?.version.hasPrefix("1.31.") == true }

    /// The outputs of a model that is written to memory and run once.
    static func outputs(of model: Model, _ inputs: [String: Tensor] = [:]) throws -> [String: Tensor] {
        try Session(bytes: ONNXWriter.encode(model), name: "written").run(inputs)
    }
}

/// Seeded inputs for the models of the shared data.
enum SeededInputs {
    /// Lengths of the axes that models leave open, by model.
    private static func length(of axis: ValueType.Dimension, name: String) -> Int {
        switch axis {
        case .fixed(let length): length
        case .symbolic("sequence"): 512
        case .symbolic("tokens"), .symbolic("length"): 16
        case .symbolic: 1
        case .unknown: name == "input" ? 0 : 1
        }
    }

    static func make(for session: Session) throws -> [String: Tensor] {
        var generator = SplitMix64(seed: 42), inputs: [String: Tensor] = [:]
        for port in session.inputs {
            var lengths = port.dimensions.map { length(of: $0, name: port.name) }
            // silero-vad states nothing about its input: one batch of 512 samples.
            if lengths == [0, 0] { lengths = [1, 512] }
            let shape = try Shape(lengths)
            let floats = (0..<shape.count).map { _ in Float.random(in: -1...1, using: &generator) }
            switch port.element {
            case .float32: inputs[port.name] = Tensor(floats, shape: shape)
            case .int64 where shape.rank == 0: inputs[port.name] = Tensor(scalar: Int64(16000))
            case .int64: inputs[port.name] = Tensor(floats.map { Int64(abs($0) * 50) + 1 }, shape: shape)
            case .int32: inputs[port.name] = Tensor(floats.map { Int32(abs($0) * 255) }, shape: shape)
            default: preconditionFailure("No test input for \(port.name).")
            }
        }
        return inputs
    }
}
