import PithFormats
import PithModel
import PithTensor
import Testing

/// What files may hold beside dense floats: each kind is read, written, and read again.
@Suite struct ContentTests {
    /// The model after writing and reading.
    private func again(_ model: Model) throws -> Model {
        try ONNXReader.read(Storage(try ONNXWriter.encode(model)), path: "again.onnx")
    }

    struct TypeCase: Sendable, CustomTestStringConvertible {
        let code: Int, type: ScalarType
        var testDescription: String { type.rawValue }
    }

    static let types: [TypeCase] = [
        (1, ScalarType.float32), (2, .uint8), (3, .int8), (4, .uint16), (5, .int16), (6, .int32), (7, .int64),
        (9, .bool),
        (10, .float16), (11, .float64), (12, .uint32), (13, .uint64), (14, .complex64), (15, .complex128),
        (16, .bfloat16),
        (17, .float8e4m3fn), (18, .float8e4m3fnuz), (19, .float8e5m2), (20, .float8e5m2fnuz), (21, .uint4), (22, .int4),
        (23, .float4e2m1), (24, .float8e8m0), (25, .uint2), (26, .int2),
    ].map { TypeCase(code: $0.0, type: $0.1) }

    @Test(arguments: types, [[5], [0, 3], [3, 20]]) func `raw data of every type is kept`(
        _ item: TypeCase, _ lengths: [Int]
    ) throws {
        let shape = try Shape(lengths), byteCount = try #require(item.type.byteCount(of: shape.count))
        let raw = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 * 37 + 1) }
        let model = try HandmadeModel.holding(HandmadeModel.tensor("w", type: item.code, lengths) { $0.data(9, raw) })
            .read()
        let tensor = try #require(model.graph.weights["w"]?.dense)
        #expect(tensor.type == item.type && tensor.shape == shape && tensor.storage.withBytes { $0.bytes } == raw)
        #expect(try again(model).graph.weights["w"]?.dense == tensor)
    }

    /// A tensor in a typed field, as old exporters write it, and its numbers.
    struct TypedCase: Sendable, CustomTestStringConvertible {
        let code: Int, field: Int, content: [UInt8], bytes: [UInt8]
        var testDescription: String { "type \(code) in field \(field)" }
    }

    static let typed: [TypedCase] = [
        TypedCase(code: 1, field: 4, content: littleEndian([1, -2]), bytes: littleEndian([1, -2])),
        TypedCase(
            code: 6, field: 5, content: [1] + ProtoWriter.varint(UInt64(bitPattern: -2)),
            bytes: [1, 0, 0, 0, 254, 255, 255, 255]),
        TypedCase(code: 3, field: 5, content: [1] + ProtoWriter.varint(UInt64(bitPattern: -2)), bytes: [1, 254]),
        TypedCase(code: 2, field: 5, content: [1, 200, 1], bytes: [1, 200]),
        TypedCase(code: 9, field: 5, content: [1, 0], bytes: [1, 0]),
        TypedCase(
            code: 10, field: 5, content: ProtoWriter.varint(0x3c00) + ProtoWriter.varint(0xc000),
            bytes: [0, 0x3c, 0, 0xc0]),
        TypedCase(code: 16, field: 5, content: ProtoWriter.varint(0x3f80) + [1], bytes: [0x80, 0x3f, 1, 0]),
        TypedCase(code: 22, field: 5, content: ProtoWriter.varint(0xe1), bytes: [0xe1]),
        TypedCase(code: 17, field: 5, content: [0x38, 0x40], bytes: [0x38, 0x40]),
        TypedCase(
            code: 7, field: 7, content: [1] + ProtoWriter.varint(UInt64(bitPattern: -2)),
            bytes: [1, 0, 0, 0, 0, 0, 0, 0, 254] + [UInt8](repeating: 255, count: 7)),
        TypedCase(code: 12, field: 11, content: [1, 2], bytes: [1, 0, 0, 0, 2, 0, 0, 0]),
        TypedCase(code: 13, field: 11, content: [1, 2], bytes: [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0]),
        TypedCase(
            code: 11, field: 10, content: [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0],
            bytes: [0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0xc0]),
    ]

    @Test(arguments: typed) func `numbers in typed fields are read`(_ item: TypedCase) throws {
        let tensor = HandmadeModel.tensor("w", type: item.code, [2]) { $0.data(item.field, item.content) }
        let model = try HandmadeModel.holding(tensor).read()
        #expect(model.graph.weights["w"]?.dense?.storage.withBytes { $0.bytes } == item.bytes)
    }

    @Test func `floats written one by one, and long packed ones, are read`() throws {
        let single = HandmadeModel.tensor("w", type: 1, [40]) { wire in
            for index in 0..<40 { wire.float(4, Float(index)) }
        }
        let packed = HandmadeModel.tensor("w", type: 1, [40]) { $0.data(4, littleEndian((0..<40).map { Float($0) })) }
        for tensor in [single, packed] {
            let values = try HandmadeModel.holding(tensor).read().graph.weights["w"]?.dense?.elements(as: Float.self)
            #expect(values == (0..<40).map { Float($0) })
        }
    }

    @Test func `numbers in pieces, or in a field of another type, are refused`() {
        let pieces = HandmadeModel.tensor("w", type: 1, [40]) { wire in
            wire.data(4, littleEndian((0..<20).map { Float($0) }))
            wire.data(4, littleEndian((20..<40).map { Float($0) }))
        }
        #expect(refusal { try HandmadeModel.holding(pieces).read() }?.code == .unsupported)
        let wrong = HandmadeModel.tensor("w", type: 6, [40]) { $0.data(4, littleEndian((0..<40).map { Float($0) })) }
        #expect(refusal { try HandmadeModel.holding(wrong).read() }?.code == .truncated)
    }

    @Test func `strings keep their bytes`() throws {
        let tensor = HandmadeModel.tensor("w", type: 8, [3]) { wire in
            wire.data(6, [0xff, 0, 1])
            wire.data(6, [])
            wire.text(6, "end")
        }
        let model = try HandmadeModel.holding(tensor).read()
        let expected = [[0xff, 0, 1], [], Array("end".utf8)]
        #expect(model.graph.weights["w"]?.dense?.strings == expected)
        #expect(try again(model).graph.weights["w"]?.dense?.strings == expected)
    }

    @Test func `sparse weights are kept sparse`() throws {
        for (indices, lengths) in [([1, 5], [2]), ([0, 1, 1, 2], [2, 2])] as [([UInt8], [Int])] {
            var model = HandmadeModel()
            model.sparse = [
                ProtoWriter.bytes { wire in
                    wire.data(1, HandmadeModel.tensor("w", type: 1, [2]) { $0.data(9, littleEndian([1.5, -2])) })
                    wire.data(2, HandmadeModel.tensor("", type: 7, lengths) { $0.data(7, indices) })
                    wire.number(3, 2)
                    wire.number(3, 3)
                }
            ]
            let read = try model.read()
            for model in [read, try again(read)] {
                #expect(model.graph.weights["w"]?.representation is SparseValues)
                #expect(model.graph.weights["w"]?.decoded().elements(as: Float.self) == [0, 1.5, 0, 0, 0, -2])
            }
        }
    }

    @Test func `custom domains, metadata and the producer are kept`() throws {
        var handmade = HandmadeModel.small
        handmade.node("Magic", ["y"], ["z"]) { $0.text(7, "com.example") }
        handmade.domains = ["com.example"]
        handmade.extra = ProtoWriter.bytes { model in
            model.text(2, "me")
            model.text(3, "1.0")
            model.message(14) { property in
                property.text(1, "key")
                property.text(2, "value")
            }
        }
        let model = try again(handmade.read())
        #expect(model.graph.nodes.last?.domain == "com.example" && model.operatorSets == ["": 21, "com.example": 1])
        #expect(model.producer == Model.Producer(name: "me", version: "1.0"))
        #expect(model.metadata == [Model.Property(key: "key", value: "value")] && model.opset == 21)
    }

    @Test func `the long name of the standard domain is the short one`() throws {
        var handmade = HandmadeModel()
        handmade.inputs = [HandmadeModel.value("x", type: 1, [1])]
        handmade.node("Relu", ["x"], ["y"]) { $0.text(7, "ai.onnx") }
        handmade.outputs = [HandmadeModel.value("y", type: 1, [1])]
        #expect(try handmade.read().graph.nodes[0].isStandard("Relu"))
    }

    @Test func `fields that Pith does not know are written again, wherever they stand`() throws {
        func marker(_ number: Int) -> [UInt8] { ProtoWriter.bytes { $0.text(200, "unknown-\(number)") } }
        var handmade = HandmadeModel()
        handmade.inputs = [HandmadeModel.value("x", type: 1, [1]) + marker(1)]
        handmade.weights = [HandmadeModel.tensor("w", type: 1, [1]) { $0.data(9, littleEndian([1])) } + marker(2)]
        let attribute =
            ProtoWriter.bytes { attribute in
                attribute.text(1, "value")
                attribute.number(20, 4)
                attribute.data(5, HandmadeModel.tensor("", type: 1, [1]) { $0.data(9, littleEndian([2])) } + marker(3))
            } + marker(4)
        handmade.nodes = [HandmadeModel.node("Constant", [], ["k"]) { $0.data(5, attribute) } + marker(5)]
        handmade.outputs = [HandmadeModel.value("k", type: 1, [1])]
        handmade.graphExtra = marker(6)
        // A function of the model (field 25), and training information (field 20).
        handmade.extra =
            marker(7) + ProtoWriter.bytes { $0.message(25) { $0.text(1, "unknown-8") } }
            + ProtoWriter.bytes { $0.message(20) { $0.text(9, "unknown-9") } }
        let text = String(decoding: try ONNXWriter.encode(handmade.read()), as: UTF8.self)
        for number in 1...9 { #expect(text.contains("unknown-\(number)"), "\(number)") }
    }

    @Test func `sequence types and attributes of unknown kinds are kept as they stood`() throws {
        var handmade = HandmadeModel()
        let sequence = ProtoWriter.bytes { $0.message(4) { $0.message(1) { $0.message(1) { $0.number(1, 1) } } } }
        handmade.inputs = [
            ProtoWriter.bytes { wire in
                wire.text(1, "x"); wire.data(2, sequence)
            }
        ]
        handmade.node("Odd", ["x"], ["y"]) { node in
            node.message(5) { attribute in
                attribute.text(1, "kind")
                attribute.message(14) { $0.data(4, [10, 2, 8, 1]) }
                attribute.number(20, 13)
            }
        }
        handmade.outputs = [HandmadeModel.value("y", type: 1, [1])]
        let model = try handmade.read(), copy = try again(model)
        #expect(copy.graph.inputs[0].type?.element == nil && copy.graph.inputs[0].type?.source?.bytes == sequence)
        if case .opaque(13) = copy.graph.nodes[0].attributes[0].value {} else { Issue.record("The kind is lost.") }
        #expect(copy.graph.nodes[0].attributes[0].foreign == model.graph.nodes[0].attributes[0].foreign)
        #expect(!copy.graph.nodes[0].attributes[0].foreign.isEmpty)
    }

    @Test func `every kind of attribute comes back`() throws {
        let inner = Graph(nodes: [Node("Op", inputs: ["x"], outputs: ["p"])], outputs: [ValueInfo(name: "p")])
        let attributes: [Attribute] = [
            Attribute("i", .integer(-3)), Attribute("f", .float(0.5)), Attribute("s", .string([0, 255])),
            Attribute("is", .integers([1, -1])), Attribute("fs", .floats([1, .infinity])),
            Attribute("ss", .strings([[1], []])),
            Attribute("t", .tensor(Weight("t", Tensor(vector: [Int64](0..<20))))), Attribute("g", .graph(inner)),
            Attribute("ts", .tensors([Weight("", Tensor(scalar: Float(1)))])),
            Attribute("gs", .graphs([inner, inner])),
            Attribute("empty", .integers([])), Attribute("none", .graphs([])),
        ]
        let graph = Graph(
            nodes: [Node("Op", inputs: ["x"], outputs: ["y"], attributes: attributes, documentation: "why")],
            inputs: [ValueInfo(name: "x")], outputs: [ValueInfo(name: "y")])
        let node = try again(Model(graph: graph, operatorSets: ["": 13], formatVersion: 8)).graph.nodes[0]
        #expect(node.attributes.map(\.name) == attributes.map(\.name) && node.documentation == "why")
        #expect(
            node.integer("i", default: 0) == -3 && node.float("f", default: 0) == 0.5 && node.integers("is") == [1, -1])
        #expect(
            node.integers("empty") == [] && node.nestedGraphs.count == 3
                && node.nestedGraphs[2].nodes[0].outputs == ["p"])
        if case .string(let bytes) = node[attribute: "s"] { #expect(bytes == [0, 255]) }
        if case .floats(let values) = node[attribute: "fs"] { #expect(values == [1, .infinity]) }
        if case .strings(let strings) = node[attribute: "ss"] { #expect(strings == [[1], []]) }
        if case .tensor(let weight) = node[attribute: "t"] {
            #expect(weight.dense?.elements(as: Int64.self) == [Int64](0..<20))
        }
        if case .tensors(let weights) = node[attribute: "ts"] { #expect(weights.map(\.shape.rank) == [0]) }
    }

    @Test func `attributes of files that state no kind are told by their field`() throws {
        var handmade = HandmadeModel()
        handmade.inputs = [HandmadeModel.value("x", type: 1, [1])]
        handmade.node("Op", ["x"], ["y"]) { node in
            node.message(5) {
                $0.text(1, "f"); $0.float(2, 1.5)
            }
            node.message(5) {
                $0.text(1, "i"); $0.number(3, 7)
            }
            node.message(5) {
                $0.text(1, "s"); $0.text(4, "abc")
            }
            node.message(5) {
                $0.text(1, "is"); $0.number(8, 7); $0.number(8, 8)
            }
        }
        handmade.outputs = [HandmadeModel.value("y", type: 1, [1])]
        let node = try handmade.read().graph.nodes[0]
        #expect(node.float("f", default: 0) == 1.5 && node.integer("i", default: 0) == 7)
        #expect(node.string("s") == "abc" && node.integers("is") == [7, 8])
    }
}
