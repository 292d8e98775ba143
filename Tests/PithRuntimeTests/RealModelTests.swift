import Foundation
import PithRuntime
import PithTensor
import PithTestSupport
import Testing

/// Numbers that ONNX Runtime 1.31.1 gave through its own Python interface for the input `(i mod 17) / 8 - 1`.
struct ReferenceCase: Sendable, CustomTestStringConvertible {
    let model: String
    let shape: [Int]
    /// The first elements of the first output.
    let first: [Float]
    /// The sum of its magnitudes.
    let magnitude: Float

    var testDescription: String { model }

    static let all: [ReferenceCase] = [
        ReferenceCase(
            model: "kws-dscnn", shape: [1, 1, 49, 10],
            first: [0.032763418, 0.069353953, 0.025713231, 0.012844415, 0.031428270, 0.085567184], magnitude: 1),
        ReferenceCase(
            model: "resnet8-mlperf", shape: [1, 3, 32, 32],
            first: [0.24144535, 0.00087520032, 0.0020957976, 0.061127964, 0.59540647, 0.0017789230], magnitude: 1),
        ReferenceCase(
            model: "ad-autoencoder", shape: [1, 640],
            first: [-34.712528, -19.330992, -10.708707, -6.2311692, -3.5368731, 1.3671165], magnitude: 10686.810),
    ]
}

@Suite(.enabled(if: TestRuntime.isPresent && SharedData.isPresent, "needs ONNX Runtime and the shared data"))
struct RealModelTests {
    private func ramp(_ lengths: [Int]) throws -> Tensor {
        let shape = try Shape(lengths)
        return Tensor((0..<shape.count).map { Float($0 % 17) / 8 - 1 }, shape: shape)
    }

    @Test(arguments: ReferenceCase.all) func `real models give the numbers of the Python interface`(
        _ item: ReferenceCase
    ) throws {
        let session = try Session(path: SharedData.url("models/\(item.model).onnx").path)
        let x = try ramp(item.shape)
        let y = try #require(try session.run([session.inputs[0].name: x])[session.outputs[0].name])
        let values = y.elements(as: Float.self)
        for (value, expected) in zip(values, item.first) {
            #expect(abs(value - expected) <= 1e-4 * max(abs(expected), 0.1))
        }
        let magnitude = values.reduce(0) { $0 + abs($1) }
        #expect(abs(magnitude - item.magnitude) <= 1e-4 * item.magnitude)
        #expect(try session.run([session.inputs[0].name: x])[session.outputs[0].name] == y)
    }

    @Test(.enabled(if: TestRuntime.isAtLeast(minor: 18), "1.17 knows no model files of version 10"))
    func `every model of the shared data loads and states its ports`() throws {
        let folder = SharedData.url("models").path
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".onnx") }
            .sorted()
        #expect(names.count >= 18)
        for name in names {
            var options = SessionOptions()
            options.optimization = .none
            let session = try Session(path: folder + "/" + name, options: options)
            #expect(!session.inputs.isEmpty && !session.outputs.isEmpty, "\(name)")
            #expect(session.inputs.allSatisfy { $0.element != nil }, "\(name)")
        }
    }

    @Test func `a profile shows what optimization did`() throws {
        try TestRuntime.withFolder { folder in
            var operations: [Set<String>] = []
            for optimization in [SessionOptions.Optimization.none, .all] {
                var options = SessionOptions()
                options.optimization = optimization
                options.profilePrefix = folder.appendingPathComponent("kws").path
                let session = try Session(path: SharedData.url("models/kws-dscnn.onnx").path, options: options)
                _ = try session.run([session.inputs[0].name: ramp([1, 1, 49, 10])])
                operations.append(Set(try session.finishProfiling().map(\.operation)))
            }
            #expect(operations[0].contains("Conv"))
            #expect(operations[1] != operations[0])
        }
    }
}
