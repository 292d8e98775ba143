internal import ONNXSchema
internal import PithModel
internal import PithTensor
internal import SwiftProtobuf

/// Turns decoded ONNX messages into the model of `PithModel`.
struct ONNXDecoder {
    /// The mapped file that cut tensors refer to.
    let file: Storage
    let external: ExternalFiles
    let sparseBudget: SparseBudget
    /// The file, for messages.
    let subject: String

    func model(_ schema: OnnxSchema_Model) throws(FormatError) -> Model {
        var sets: [String: Int] = [:]
        for set in schema.opsetImport { sets[set.domain == "ai.onnx" ? "" : set.domain] = Int(set.version) }
        var model = Model(
            graph: try graph(schema.graph), operatorSets: sets, formatVersion: Int(schema.irVersion),
            producer: Model.Producer(name: schema.producerName, version: schema.producerVersion),
            metadata: schema.metadataProps.map { Model.Property(key: $0.key, value: $0.value) },
            foreign: foreign(schema.unknownFields))
        model.externalFiles = external.locations
        return model
    }

    private func graph(_ schema: OnnxSchema_Graph) throws(FormatError) -> Graph {
        var weights = WeightTable()
        for tensor in schema.initializer {
            guard weights[tensor.name] == nil else { throw duplicate(tensor.name) }
            weights[tensor.name] = try weight(tensor)
        }
        for tensor in schema.sparseInitializer {
            guard weights[tensor.values.name] == nil else { throw duplicate(tensor.values.name) }
            weights[tensor.values.name] = try sparse(tensor)
        }
        var nodes: [Node] = []
        nodes.reserveCapacity(schema.node.count)
        for node in schema.node { nodes.append(try self.node(node)) }
        return Graph(
            name: schema.name, nodes: nodes, inputs: try values(schema.input), outputs: try values(schema.output),
            valueTypes: try values(schema.valueInfo), weights: weights, foreign: foreign(schema.unknownFields))
    }

    private func node(_ schema: OnnxSchema_Node) throws(FormatError) -> Node {
        var attributes: [Attribute] = []
        for attribute in schema.attribute {
            attributes.append(
                Attribute(
                    attribute.name, try value(of: attribute, in: schema), foreign: foreign(attribute.unknownFields)))
        }
        return Node(
            schema.opType, inputs: schema.input, outputs: schema.output, attributes: attributes, name: schema.name,
            domain: schema.domain, documentation: schema.docString, foreign: foreign(schema.unknownFields))
    }

    private func value(
        of attribute: OnnxSchema_Attribute, in node: OnnxSchema_Node
    ) throws(FormatError) -> AttributeValue {
        switch kind(of: attribute) {
        case .float: return .float(attribute.f)
        case .integer: return .integer(attribute.i)
        case .string: return .string([UInt8](attribute.s))
        case .floats: return .floats(attribute.floats)
        case .integers: return .integers(attribute.ints)
        case .strings: return .strings(attribute.strings.map { [UInt8]($0) })
        case .tensor:
            let name = attribute.t.name.isEmpty ? "\(node.opType) '\(node.output.first ?? "")'" : attribute.t.name
            return .tensor(try weight(attribute.t, described: name))
        case .graph: return .graph(try graph(attribute.g))
        case .tensors:
            var tensors: [Weight] = []
            for tensor in attribute.tensors { tensors.append(try weight(tensor)) }
            return .tensors(tensors)
        case .graphs:
            var graphs: [Graph] = []
            for graph in attribute.graphs { graphs.append(try self.graph(graph)) }
            return .graphs(graphs)
        case nil: return .opaque(kind: Int(attribute.type))
        }
    }

    /// The stated kind, or for files of IR version 1 the field that is set.
    private func kind(of attribute: OnnxSchema_Attribute) -> ONNXAttributeKind? {
        if attribute.hasType, attribute.type != 0 { return ONNXAttributeKind(rawValue: attribute.type) }
        if attribute.hasF { return .float }
        if attribute.hasI { return .integer }
        if attribute.hasS { return .string }
        if attribute.hasT { return .tensor }
        if attribute.hasG { return .graph }
        if !attribute.floats.isEmpty { return .floats }
        if !attribute.ints.isEmpty { return .integers }
        if !attribute.strings.isEmpty { return .strings }
        if !attribute.tensors.isEmpty { return .tensors }
        return attribute.graphs.isEmpty ? nil : .graphs
    }

    private func values(_ schema: [OnnxSchema_ValueInfo]) throws(FormatError) -> [ValueInfo] {
        var values: [ValueInfo] = []
        for info in schema {
            let type = info.hasType ? try self.type(info.type) : nil
            values.append(ValueInfo(name: info.name, type: type, foreign: foreign(info.unknownFields)))
        }
        return values
    }

    private func type(_ schema: OnnxSchema_Type) throws(FormatError) -> ValueType {
        let bytes: [UInt8]
        do { bytes = try schema.serializedBytes() } catch {
            throw FormatError(
                code: .corrupt, subject: subject, problem: "a type can not be read (\(error)).",
                remedy: "Download or export the model again.")
        }
        let source = ForeignFields(bytes)
        guard schema.hasTensorType else { return ValueType(element: nil, dimensions: nil, source: source) }
        let tensor = schema.tensorType
        let dimensions = tensor.shape.dim.map { dimension -> ValueType.Dimension in
            if dimension.hasDimValue, dimension.dimValue >= 0 { return .fixed(Int(dimension.dimValue)) }
            return dimension.dimParam.isEmpty ? .unknown : .symbolic(dimension.dimParam)
        }
        return ValueType(
            element: ONNXType.scalar(tensor.elemType), dimensions: tensor.hasShape ? dimensions : nil, source: source)
    }

    private func foreign(_ storage: UnknownStorage) -> ForeignFields { ForeignFields([UInt8](storage.data)) }

    private func duplicate(_ name: String) -> FormatError {
        FormatError(
            code: .corrupt, subject: subject, problem: "two weights are called '\(name)'.",
            remedy: "Export the model again with unique names.")
    }
}
