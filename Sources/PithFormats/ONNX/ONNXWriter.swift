import Foundation
public import PithModel
internal import PithTensor

/// Writes models as ONNX.
///
/// Encoded weights and activation formats are turned into operators first.
public enum ONNXWriter {
    /// Above this many bytes the weights go into a file beside the model: protobuf readers stop at 2 GiB.
    package static let largestFile = 2_000_000_000

    /// The model in one piece, weights inside.
    ///
    /// - Throws: `FormatError` when a stored form can not be written.
    public static func encode(_ model: Model) throws -> [UInt8] {
        var encoder = ONNXEncoder()
        return try encoder.model(try ONNXLowering.lowered(model)).bytes
    }

    /// A model that is written but not yet in place.
    public struct Pending: Sendable {
        private let staging: StagedOutput
        /// Where the model can be read until `commit`; external data resolves beside it.
        public let temporaryPath: String
        /// Bytes of the model and its data file.
        public let byteCount: Int

        fileprivate init(staging: StagedOutput, name: String, byteCount: Int) {
            self.staging = staging
            temporaryPath = staging.path(of: name)
            self.byteCount = byteCount
        }

        /// Puts the files in place.
        ///
        /// - Throws: `FormatError` `.unwritable`.
        public func commit() throws(FormatError) { try staging.commit() }
    }

    /// Writes the model into a hidden folder beside `path`, to be put in place with `commit`.
    ///
    /// - Throws: `FormatError` `.unwritable`, or when a stored form can not be written.
    public static func begin(_ model: Model, path: String) throws -> Pending {
        try begin(model, path: path, largestFile: largestFile)
    }

    /// The same with another limit: above `largestFile` bytes of weights they go into a file beside the model.
    package static func begin(_ model: Model, path: String, largestFile: Int) throws -> Pending {
        let lowered = try ONNXLowering.lowered(model), name = URL(fileURLWithPath: path).lastPathComponent
        let total = weightBytes(of: lowered.graph)
        var encoder = ONNXEncoder()
        if total > largestFile { encoder.external = ExternalWeights(location: name + ".data") }
        let message = try encoder.model(lowered)
        guard message.byteCount < Int32.max else {
            throw FormatError(
                code: .unsupported, subject: path,
                problem: "without its weights the model takes \(message.byteCount) bytes, readers stop at 2^31 - 1.",
                remedy: "Split the model (`pith split`), or move its constants into weights.")
        }
        let staging = try StagedOutput(beside: path)
        if let external = encoder.external {
            try staging.write(external.location) { sink in
                for storage in external.storages { try sink.write(storage) }
            }
        }
        try staging.write(name) { sink in
            for segment in message.segments {
                switch segment {
                case .bytes(let bytes): try sink.write(bytes)
                case .storage(let storage): try sink.write(storage)
                }
            }
        }
        return Pending(
            staging: staging, name: name, byteCount: message.byteCount + (encoder.external?.byteCount ?? 0))
    }

    /// Bytes of every tensor in a graph and those nested in it, those of attributes among them.
    private static func weightBytes(of graph: Graph) -> Int {
        var total = 0
        graph.forEachGraph { graph, _ in
            for weight in graph.weights { total += weight.byteCount }
            for attribute in graph.nodes.flatMap(\.attributes) {
                switch attribute.value {
                case .tensor(let weight): total += weight.byteCount
                case .tensors(let weights): for weight in weights { total += weight.byteCount }
                default: break
                }
            }
        }
        return total
    }

    /// Writes the model at `path`, whole or not at all.
    ///
    /// - Throws: `FormatError` `.unwritable`, or when a stored form can not be written.
    public static func write(_ model: Model, to path: String) throws {
        try begin(model, path: path).commit()
    }
}
