import Foundation
internal import ONNXSchema
internal import PithModel
internal import PithTensor
internal import SwiftProtobuf

/// Turns a model into ONNX messages whose weights are references to the tensors' memory.
struct ONNXEncoder {
    /// Where weights go that do not stay in the model file; nil keeps them all inside.
    var external: ExternalWeights?

    /// The encoded model.
    mutating func model(_ model: Model) throws -> WireMessage {
        var schema = OnnxSchema_Model()
        schema.irVersion = Int64(model.formatVersion)
        if !model.producer.name.isEmpty { schema.producerName = model.producer.name }
        if !model.producer.version.isEmpty { schema.producerVersion = model.producer.version }
        schema.opsetImport = model.operatorSets.sorted { $0.key < $1.key }.map { set in
            OnnxSchema_OperatorSet.with {
                $0.domain = set.key
                $0.version = Int64(set.value)
            }
        }
        schema.metadataProps = model.metadata.map { property in
            OnnxSchema_Property.with {
                $0.key = property.key
                $0.value = property.value
            }
        }
        var message = WireMessage()
        message.append(try schema.serializedBytes())
        message.append(field: 7, message: try graph(model.graph))
        message.append(model.foreign.bytes)
        return message
    }

    private mutating func graph(_ graph: Graph) throws -> WireMessage {
        var message = WireMessage()
        for node in graph.nodes { message.append(field: 1, message: try self.node(node)) }
        message.append(try OnnxSchema_Graph.with { $0.name = graph.name }.serializedBytes())
        for weight in graph.weights {
            if let sparse = weight.representation as? SparseValues {
                message.append(field: 15, message: try self.sparse(sparse, weight))
            } else {
                message.append(field: 5, message: try tensor(weight))
            }
        }
        for input in graph.inputs { message.append(field: 11, encoded: try value(input)) }
        for output in graph.outputs { message.append(field: 12, encoded: try value(output)) }
        for type in graph.valueTypes { message.append(field: 13, encoded: try value(type)) }
        message.append(graph.foreign.bytes)
        return message
    }

    private mutating func node(_ node: Node) throws -> WireMessage {
        var schema = OnnxSchema_Node()
        schema.input = node.inputs
        schema.output = node.outputs
        schema.opType = node.operation
        if !node.name.isEmpty { schema.name = node.name }
        if !node.domain.isEmpty { schema.domain = node.domain }
        if !node.documentation.isEmpty { schema.docString = node.documentation }
        var message = WireMessage()
        message.append(try schema.serializedBytes())
        for attribute in node.attributes { message.append(field: 5, message: try self.attribute(attribute)) }
        message.append(node.foreign.bytes)
        return message
    }

    private mutating func attribute(_ attribute: Attribute) throws -> WireMessage {
        var schema = OnnxSchema_Attribute(), nested = WireMessage()
        schema.name = attribute.name
        func kind(_ kind: ONNXAttributeKind) { schema.type = kind.rawValue }
        switch attribute.value {
        case .float(let value): kind(.float); schema.f = value
        case .integer(let value): kind(.integer); schema.i = value
        case .string(let bytes): kind(.string); schema.s = Data(bytes)
        case .floats(let values): kind(.floats); schema.floats = values
        case .integers(let values): kind(.integers); schema.ints = values
        case .strings(let strings): kind(.strings); schema.strings = strings.map { Data($0) }
        case .tensor(let weight): kind(.tensor); nested.append(field: 5, message: try tensor(weight))
        case .graph(let graph): kind(.graph); nested.append(field: 6, message: try self.graph(graph))
        case .tensors(let weights):
            kind(.tensors)
            for weight in weights { nested.append(field: 10, message: try tensor(weight)) }
        case .graphs(let graphs):
            kind(.graphs)
            for graph in graphs { nested.append(field: 11, message: try self.graph(graph)) }
        case .opaque(let kind): schema.type = Int32(kind)
        }
        var message = WireMessage()
        message.append(try schema.serializedBytes())
        message.append(nested)
        message.append(attribute.foreign.bytes)
        return message
    }

    private mutating func tensor(_ weight: Weight) throws -> WireMessage {
        guard let tensor = weight.dense else {
            throw FormatError(
                code: .unsupported, subject: weight.name,
                problem: "its form can not be written to ONNX as it is.",
                remedy: "Lower the model first (ONNXLowering); this is an error of Pith.")
        }
        var schema = OnnxSchema_Tensor()
        schema.dims = tensor.shape.dimensions.map { Int64($0) }
        schema.dataType = ONNXType.code(tensor.type)
        if !weight.name.isEmpty { schema.name = weight.name }
        if tensor.type == .string { schema.stringData = tensor.strings.map { Data($0) } }
        var message = WireMessage()
        if tensor.type != .string, let place = external?.place(tensor.storage) {
            schema.dataLocation = 1
            schema.externalData = place.map { property in
                OnnxSchema_Property.with {
                    $0.key = property.0; $0.value = property.1
                }
            }
            message.append(try schema.serializedBytes())
        } else {
            message.append(try schema.serializedBytes())
            if tensor.type != .string { message.append(field: 9, storage: tensor.storage) }
        }
        message.append(weight.foreign.bytes)
        return message
    }

    private mutating func sparse(_ form: SparseValues, _ weight: Weight) throws -> WireMessage {
        var message = WireMessage()
        message.append(field: 1, message: try tensor(Weight(weight.name, form.values, foreign: weight.foreign)))
        message.append(field: 2, message: try tensor(Weight("", form.indices)))
        message.append(
            try OnnxSchema_SparseTensor.with { $0.dims = form.shape.dimensions.map { Int64($0) } }.serializedBytes())
        return message
    }

    private func value(_ info: ValueInfo) throws -> [UInt8] {
        var message = WireMessage()
        message.append(try OnnxSchema_ValueInfo.with { $0.name = info.name }.serializedBytes())
        if let type = info.type { message.append(field: 2, encoded: try encoded(type)) }
        message.append(info.foreign.bytes)
        return message.bytes
    }

    private func encoded(_ type: ValueType) throws -> [UInt8] {
        if let source = type.source { return source.bytes }
        var tensor = OnnxSchema_TensorType()
        if let element = type.element { tensor.elemType = ONNXType.code(element) }
        if let dimensions = type.dimensions {
            tensor.shape.dim = dimensions.map { dimension in
                OnnxSchema_Dimension.with {
                    switch dimension {
                    case .fixed(let length): $0.dimValue = Int64(length)
                    case .symbolic(let name): $0.dimParam = name
                    case .unknown: break
                    }
                }
            }
        }
        return try OnnxSchema_Type.with { $0.tensorType = tensor }.serializedBytes()
    }
}
