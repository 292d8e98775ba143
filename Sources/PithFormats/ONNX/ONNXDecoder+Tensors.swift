import Foundation
internal import ONNXSchema
internal import PithModel
internal import PithTensor
internal import SwiftProtobuf

extension ONNXDecoder {
    /// The weight of an encoded tensor; `described` names it in errors where the tensor itself has no name.
    func weight(_ schema: OnnxSchema_Tensor, described: String? = nil) throws(FormatError) -> Weight {
        let label = described ?? schema.name
        guard let type = ONNXType.scalar(schema.dataType) else {
            throw FormatError(
                code: .unsupported, subject: subject,
                problem: "tensor '\(label)' has the unknown element type \(schema.dataType).",
                remedy: "Update Pith, or export the model with an older ONNX version.")
        }
        let shape: Shape
        do { shape = try Shape(schema.dims.map { Int($0) }) } catch { throw unsound(label, error) }
        do {
            let tensor =
                type == .string
                ? try Tensor(strings: schema.stringData.map { [UInt8]($0) }, shape: shape)
                : try Tensor(type: type, shape: shape, storage: try numbers(of: schema, type, shape, label))
            var weight = Weight(schema.name, tensor, foreign: ForeignFields([UInt8](schema.unknownFields.data)))
            weight.isExternal = schema.dataLocation == 1
            return weight
        } catch let error as TensorError {
            throw unsound(label, error)
        } catch let error as FormatError {
            throw error
        } catch {
            preconditionFailure("A tensor was refused with a foreign error: \(error).")
        }
    }

    /// The numbers of one encoded tensor that holds them itself.
    ///
    /// - Throws: `FormatError` `.corrupt` or `.truncated` when it can not be decoded, or they do not fit its shape.
    static func tensor(_ bytes: [UInt8], named name: String, subject: String) throws(FormatError) -> Tensor {
        guard var schema = try? OnnxSchema_Tensor(serializedBytes: bytes) else {
            throw FormatError(
                code: .corrupt, subject: "\(subject), tensor '\(name)'", problem: "it can not be decoded.",
                remedy: FormatError.damaged)
        }
        // Neither another file nor other bytes of this one.
        schema.clearCut()
        schema.dataLocation = 0
        let decoder = ONNXDecoder(
            file: Storage([UInt8]()), external: ExternalFiles(besideModelAt: subject),
            sparseBudget: SparseBudget(allowance: 0, subject: subject), subject: subject)
        guard let tensor = try decoder.weight(schema, described: name).dense else {
            preconditionFailure("One tensor is no sparse weight.")
        }
        return tensor
    }

    /// The weight of a sparse initializer; its name is that of its values.
    func sparse(_ schema: OnnxSchema_SparseTensor) throws(FormatError) -> Weight {
        let values = try weight(schema.values), indices = try weight(schema.indices, described: schema.values.name)
        guard let numbers = values.dense, let places = indices.dense else { return values }
        let shape: Shape
        do { shape = try Shape(schema.dims.map { Int($0) }) } catch { throw unsound(values.name, error) }
        let form: SparseValues
        do {
            form = try SparseValues(values: numbers, indices: places, shape: shape, named: values.name)
        } catch {
            throw FormatError(
                code: .corrupt, subject: subject, problem: "tensor '\(values.name)': \(error.problem)",
                remedy: error.remedy)
        }
        try sparseBudget.take(form, named: values.name)
        return Weight(name: values.name, form: .encoded(form), foreign: values.foreign)
    }

    private func numbers(
        of schema: OnnxSchema_Tensor, _ type: ScalarType, _ shape: Shape, _ label: String
    ) throws(FormatError) -> Storage {
        if schema.dataLocation == 1 { return try externalNumbers(of: schema, type, shape, label) }
        if schema.hasCut {
            // The scanner took these bounds from the file itself, so they lie inside it.
            let start = Int(schema.cut.offset)
            return file.slice(start..<start + Int(schema.cut.length))
        }
        if schema.hasRawData { return Storage([UInt8](schema.rawData)) }
        switch type {
        case .float32, .complex64: return Storage(schema.floatData)
        case .float64, .complex128: return Storage(schema.doubleData)
        case .int64: return Storage(schema.int64Data)
        case .uint64: return Storage(schema.uint64Data)
        case .uint32: return Storage(schema.uint64Data.map { UInt32(truncatingIfNeeded: $0) })
        case .int32: return Storage(schema.int32Data)
        case .int16, .uint16, .float16, .bfloat16:
            return Storage(schema.int32Data.map { UInt16(truncatingIfNeeded: $0) })
        default: return Storage(schema.int32Data.map { UInt8(truncatingIfNeeded: $0) })
        }
    }

    private func externalNumbers(
        of schema: OnnxSchema_Tensor, _ type: ScalarType, _ shape: Shape, _ label: String
    ) throws(FormatError) -> Storage {
        let fields = Dictionary(schema.externalData.map { ($0.key, $0.value) }) { $1 }
        let offset = fields["offset"].map { Int($0) } ?? 0
        let length = fields["length"].map { Int($0) } ?? type.byteCount(of: shape.count)
        guard let location = fields["location"], let offset, let length else {
            throw FormatError(
                code: .corrupt, subject: subject,
                problem:
                    "tensor '\(label)' is external, but its location, offset or length is not stated or no number.",
                remedy: "Export the model again.")
        }
        return try external.storage(location: location, offset: offset, length: length, tensor: label)
    }

    private func unsound(_ label: String, _ error: TensorError) -> FormatError {
        FormatError(
            code: error.code == .sizeMismatch ? .truncated : .corrupt, subject: subject,
            problem: "tensor '\(label)' (\(error.subject)): \(error.problem)", remedy: error.remedy)
    }
}
