import Foundation
public import PithModel
internal import PithTensor

/// Writes models as ONNX. Encoded weights and activation formats are turned into operators first.
public enum ONNXWriter {
    /// Above this many bytes the weights go into a file beside the model: protobuf readers stop at 2 GiB.
    static let largestFile = 2_000_000_000

    /// The model in one piece, weights inside.
    ///
    /// - Throws: `FormatError` when a stored form can not be written.
    public static func encode(_ model: Model) throws -> [UInt8] {
        var encoder = ONNXEncoder()
        return try encoder.model(try ONNXLowering.lowered(model)).bytes
    }

    /// A model that is written but not yet in place.
    public struct Pending {
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
        let lowered = try ONNXLowering.lowered(model), name = URL(fileURLWithPath: path).lastPathComponent
        var total = 0
        lowered.graph.forEachGraph { graph, _ in total += graph.weights.reduce(0) { $0 + $1.byteCount } }
        var encoder = ONNXEncoder()
        if total > largestFile { encoder.external = ExternalWeights(location: name + ".data") }
        let message = try encoder.model(lowered)
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

    /// Writes the model at `path`, whole or not at all.
    ///
    /// - Throws: `FormatError` `.unwritable`, or when a stored form can not be written.
    public static func write(_ model: Model, to path: String) throws {
        try begin(model, path: path).commit()
    }
}
