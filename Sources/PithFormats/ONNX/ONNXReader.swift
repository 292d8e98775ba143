import Foundation
internal import ONNXSchema
public import PithModel
public import PithTensor
internal import SwiftProtobuf

/// Reads ONNX models without copying their weights: the file is mapped, and each weight is a slice of the mapping.
///
/// - Reference: ONNX specification, "Open Neural Network Exchange Intermediate Representation", IR versions 3 to 13.
public enum ONNXReader {
    /// Bytes that the sparse weights of a model may take when dense, however few are stored: 1 GiB.
    public static let sparseAllowance = 1 << 30

    /// The same for callers that look at a model and decode nothing, so that sums of sizes still fit an `Int`.
    public static let sparseAllowanceForInspection = 1 << 60

    /// Reads the model at `path` and checks its graph.
    ///
    /// `sparseAllowance` bounds what the sparse weights may take when dense; beyond it, 100 times their stored bytes.
    ///
    /// - Throws: `FormatError` when the file can not be read, is damaged, its graph is not sound, or its sparse weights
    ///   are too large when dense (`.unsupported`).
    /// - Complexity: O(nodes + tensors) time and memory; weights are touched when they are used.
    public static func read(
        path: String, sparseAllowance: Int = ONNXReader.sparseAllowance
    ) throws(FormatError) -> Model {
        let file: MappedFile
        do {
            file = try MappedFile(path: path)
        } catch {
            throw FormatError(code: .missing, subject: path, problem: error.problem, remedy: error.remedy)
        }
        return try read(file.storage, path: path, sparseAllowance: sparseAllowance)
    }

    /// Reads a model in memory; `path` names it in errors and locates external data.
    public static func read(
        _ storage: Storage, path: String, sparseAllowance: Int = ONNXReader.sparseAllowance
    ) throws(FormatError) -> Model {
        guard storage.byteCount > 0 else {
            throw FormatError(
                code: .truncated, subject: path, problem: "the file is empty.", remedy: "Download or export it again.")
        }
        if let format = ForeignFormat(storage) {
            throw FormatError(
                code: .unsupported, subject: path, problem: "it is \(format.words.name), no ONNX model.",
                remedy: format.words.remedy)
        }
        let skeleton = try TensorCutter(storage: storage, subject: path).skeleton()
        let schema: OnnxSchema_Model
        do {
            var options = BinaryDecodingOptions()
            options.messageDepthLimit = TensorCutter.depthLimit * 4
            schema = try OnnxSchema_Model(serializedBytes: skeleton, options: options)
        } catch {
            throw FormatError(
                code: .corrupt, subject: path, problem: "it can not be decoded as ONNX (\(error)).",
                remedy: "Check that this is an ONNX file; download or export it again.")
        }
        guard schema.hasGraph else {
            throw FormatError(
                code: .corrupt, subject: path, problem: "it holds no graph.",
                remedy: "Check that this is an ONNX model; download or export it again.")
        }
        let decoder = ONNXDecoder(
            file: storage, external: ExternalFiles(besideModelAt: path),
            sparseBudget: SparseBudget(allowance: sparseAllowance, subject: path), subject: path)
        var model = try decoder.model(schema)
        do {
            try model.graph.validate()
        } catch {
            throw FormatError(
                code: .corrupt, subject: path, problem: "\(error.subject): \(error.problem)", remedy: error.remedy)
        }
        return model
    }
}
