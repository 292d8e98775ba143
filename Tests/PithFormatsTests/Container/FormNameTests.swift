import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Names of weights in stored forms, wherever they come from.
@Suite struct FormNameTests {
    /// An array `h` of 16 half floats, and `more` of one byte each.
    private static func file(_ folder: ScratchFolder, _ more: [String] = []) throws -> String {
        let halves = ("h", "F16", [4, 4], NumberSamples.bytes((0..<16).map { UInt16(0x3C00 + $0) }))
        let bytes = more.map { ($0, "U8", [1], [7] as [UInt8]) }
        return try folder.write(ContainerSamples.safetensors([halves] + bytes), to: "m.safetensors")
    }

    /// The array `h` as a weight of `shape`.
    private static func form(_ lengths: [Int]) throws -> StoredForm {
        StoredForm(
            kind: "half-floats", type: .float32, shape: try Shape(lengths), parts: [("numbers", .array(0))])
    }

    private static func packed(_ forms: [NamedForm], _ folder: ScratchFolder) async throws -> ContainerFile {
        let model = try PackedModel.read(path: file(folder)).describing(forms)
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        return try ContainerFile(path: folder.path("m.pith"))
    }

    @Test func `long names that start alike are different when they are cut`() async throws {
        let start = String(repeating: "layer.", count: 200), form = try Self.form([4, 4]), folder = try ScratchFolder()
        let forms = ["a", "b", "c"].map { NamedForm(name: start + $0, form: form) }
        let names = try await Self.packed(forms, folder).directory.forms.map(\.name)
        let cut = String(start.prefix(1000))
        #expect(names == [cut, cut + "#2", cut + "#3"])
    }

    @Test func `forms of more than 64 axes are left out, and the container can be read`() async throws {
        let ones = [Int](repeating: 1, count: 63), folder = try ScratchFolder()
        let most = NamedForm(name: "most", form: try Self.form(ones + [16]))
        let more = NamedForm(name: "more", form: try Self.form(ones + [1, 16]))
        let numbers = Tensor([Float(1)], shape: try Shape([Int](repeating: 1, count: 65)))
        let inside = NamedForm(
            name: "inside",
            form: StoredForm(kind: "codebook", type: .float32, shape: .scalar, parts: [("values", .numbers(numbers))]))
        let file = try await Self.packed([more, most, inside], folder)
        #expect(file.directory.forms.map(\.name) == ["most"])
        try await ContainerSamples.unpack(folder.path("m.pith"), to: folder.path("back.safetensors"))
        #expect(
            try ContainerSamples.bytes(folder.path("back.safetensors"))
                == ContainerSamples.bytes(folder.path("m.safetensors")))
    }

    @Test func `exported arrays have names of their own, whatever they are called`() async throws {
        let folder = try ScratchFolder(), source = try Self.file(folder, ["w", "w#2"])
        let form = try Self.form([4, 4])
        let model = try PackedModel.read(path: source).describing(
            ["w", "__metadata__"].map { NamedForm(name: $0, form: form) })
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        let export = ArrayExport(try ContainerFile(path: folder.path("m.pith")))
        _ = try export.write(to: folder.path("w.safetensors"))
        let names = try PackedModel.read(path: folder.path("w.safetensors")).arrays.map(\.name)
        #expect(Set(names) == ["w", "__metadata__#2", "w#2", "w#2#2"])
        _ = try export.write(to: folder.path("w.npz"))
        #expect(try Set(NPZArchive(path: folder.path("w.npz")).names) == ["w", "__metadata__", "w#2", "w#2#2"])
    }

    /// `y = W` in both branches of an `If`, each with a `W` of its own that is decoded from levels.
    private static func branches() throws -> (model: Model, weights: [Tensor]) {
        let shape = try Shape([8, 16])
        let forms = try [3, 5].map { step in
            GroupedIntegers(
                levels: try Tensor(integers: (0..<128).map { $0 * step % 200 - 100 }, as: .int8, shape: shape),
                scales: Tensor((0..<8).map { Float($0 + step) }, shape: .vector(8)), grouping: .channel(axis: 0))
        }
        let type = ValueType(element: .float32, dimensions: [.fixed(8), .fixed(16)])
        func branch(_ form: GroupedIntegers, _ output: String) -> Graph {
            Graph(
                nodes: [Node("Identity", inputs: ["W"], outputs: [output])],
                outputs: [ValueInfo(name: output, type: type)],
                weights: WeightTable([Weight(name: "W", form: .encoded(form))]))
        }
        let node = Node(
            "If", inputs: ["c"], outputs: ["y"],
            attributes: [
                Attribute("then_branch", .graph(branch(forms[0], "a"))),
                Attribute("else_branch", .graph(branch(forms[1], "b"))),
            ], name: "choice")
        let graph = Graph(
            nodes: [node], inputs: [ValueInfo(name: "c", type: ValueType(element: .bool, dimensions: []))],
            outputs: [ValueInfo(name: "y", type: type)])
        return (Model(graph: graph, operatorSets: ["": 21], formatVersion: 10), forms.map { $0.decoded() })
    }

    @Test func `weights of two branches that have one name are both found`() async throws {
        let (model, weights) = try Self.branches(), folder = try ScratchFolder()
        let source = try folder.write(ONNXWriter.encode(model), to: "m.onnx")
        try await ContainerSamples.pack(source, to: folder.path("m.pith"))
        let file = try ContainerFile(path: folder.path("m.pith"))
        let names = ["choice.then_branch/W", "choice.else_branch/W"]
        #expect(file.directory.forms.map(\.name) == names)
        for isStored in [false, true] {
            _ = try ArrayExport(file, isStored: isStored).write(to: folder.path("w.npz"))
            let archive = try NPZArchive(path: folder.path("w.npz"))
            let parts = names.flatMap { name in ["levels", "scales"].map { "\(name).\($0)" } }
            #expect(Set(archive.names) == Set(isStored ? parts : names))
            guard !isStored else { continue }
            for (name, weight) in zip(names, weights) { #expect(try archive.tensor(named: name) == weight) }
        }
    }
}
