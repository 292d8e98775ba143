import PithCompression
import PithModel
import PithTensor
import Testing

struct TraceStripperTests {
    /// A length-delimited field: field number, then the text.
    private func field(_ number: Int, _ text: String) -> [UInt8] {
        let tag = number << 3 | 2
        return (tag < 128 ? [UInt8(tag)] : [UInt8(tag & 0x7f | 0x80), UInt8(tag >> 7)]) + [UInt8(text.utf8.count)]
            + Array(text.utf8)
    }

    @Test func `doc strings and metadata of nodes and values go and their bytes are counted`() throws {
        let metadata = field(9, "pkg.torch"), other = field(10, "device")
        var model = GraphBench.model(
            [
                Node(
                    "Neg", inputs: ["x"], outputs: ["y"], documentation: "line 7",
                    foreign: ForeignFields(metadata + other + metadata))
            ],
            inputs: [GraphBench.input("x", [2])], outputs: ["y"])
        model.graph.outputs[0].foreign = ForeignFields(field(3, "doc"))
        model.graph.foreign = ForeignFields(field(10, "about") + field(16, "trace"))
        model.metadata = [Model.Property(key: "author", value: "me")]
        model.foreign = ForeignFields(field(6, "a model"))
        let dropped = TraceStripper().strip(&model)
        #expect(dropped == 2 + 6 + 2 * metadata.count + field(3, "doc").count + field(16, "trace").count)
        #expect(model.graph.nodes[0].foreign.bytes == other)
        #expect(model.graph.nodes[0].documentation.isEmpty)
        #expect(model.graph.foreign.bytes == field(10, "about"))
        #expect(model.metadata.count == 1 && model.foreign.bytes == field(6, "a model"))
        #expect(TraceStripper().strip(&model) == 0)
    }

    @Test(
        arguments: [
            [0x4a], [0x4a, 0x05, 0x01], [0x4b, 0x01], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0x49, 0x01],
        ] as [[UInt8]])
    func `bytes that are no fields are kept`(_ bytes: [UInt8]) throws {
        var model = GraphBench.model(
            [Node("Neg", inputs: ["x"], outputs: ["y"], foreign: ForeignFields(field(9, "a") + bytes))],
            inputs: [GraphBench.input("x", [2])],
            outputs: ["y"])
        #expect(TraceStripper().strip(&model) == field(9, "a").count)
        #expect(model.graph.nodes[0].foreign.bytes == bytes)
    }
}
