import Foundation
import PithFormats
import PithModel
import PithTensor
import PithTestSupport
import Testing

/// Forms that contradict themselves or their arrays: the checksums of a container say nothing about those.
@Suite struct HostileFormTests {
    /// Arrays of 64 bytes, numbered behind the file's text: 1 float32 [16], 2 int8 [8, 8], 3 uint8 [64], 4 int64 [8].
    private static let arrays = ContainerSamples.safetensors([
        ("f", "F32", [16], NumberSamples.bytes((0..<16).map { Float($0).bitPattern })),
        ("i", "I8", [8, 8], (0..<64).map { UInt8($0) }),
        ("u", "U8", [64], (0..<64).map { UInt8($0 * 4) }),
        ("p", "I64", [8], NumberSamples.bytes((0..<8).map { Int64($0 * 9) })),
    ])

    /// What a form says, and what is wrong with it.
    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let kind: String
        let lengths: [Int]
        let settings: [(String, Int)]
        let parts: [(String, StoredForm.Source)]

        init(
            _ name: String, _ kind: String, _ lengths: [Int], _ settings: [(String, Int)],
            _ parts: [(String, StoredForm.Source)]
        ) {
            (testDescription, self.kind, self.lengths, self.settings, self.parts) = (
                name, kind, lengths, settings, parts
            )
        }

        func form() throws -> StoredForm {
            StoredForm(kind: kind, type: .float32, shape: try Shape(lengths), settings: settings, parts: parts)
        }
    }

    private static let scale = StoredForm.Source.numbers(Tensor(vector: [0.5 as Float]))
    private static let levels: [(String, StoredForm.Source)] = [("levels", .array(2)), ("scales", scale)]

    /// Codes of the array `codes` into a table of 16 numbers, unless another is given.
    private static func tabled(
        _ codes: StoredForm.Source, _ table: StoredForm.Source = .array(1)
    ) -> [(String, StoredForm.Source)] { [("codes", codes), ("scales", scale), ("table", table)] }

    private static let nibble = StoredForm.Source.numbers(Tensor(vector: [3 as UInt8]))
    private static let padded = [("axis", 1), ("block", 1), ("padded", 1)]
    private static let empty = [("levels", StoredForm.Source.numbers(Tensor(vector: [Int8]())))]

    /// `count` levels in runs of 64 bytes each, and a scale.
    private static func packed(
        _ settings: [(String, Int)], _ count: Int, runs: [Int] = [4]
    ) -> [(String, StoredForm.Source)] {
        let form = StoredForm(
            kind: "packed-integers", type: .uint8, shape: .vector(count), settings: settings,
            parts: runs.map { ("bits-\($0)", .array(3)) })
        return [("levels", .form(form)), ("scales", scale)]
    }

    static let bad: [Bad] = [
        Bad("an unknown kind", "wavelets", [8, 8], [], []),
        Bad("no levels", "grouped-integers", [8, 8], [], [("scales", scale)]),
        Bad("no scales", "grouped-integers", [8, 8], [], [("levels", .array(2))]),
        Bad("another shape", "grouped-integers", [8, 9], [], levels),
        Bad("float levels", "grouped-integers", [16], [], [("levels", .array(1)), ("scales", scale)]),
        Bad("levels of 64 bits", "grouped-integers", [8], [], [("levels", .array(4)), ("scales", scale)]),
        Bad(
            "integer scales", "grouped-integers", [8, 8], [("axis", 0), ("block", 1)],
            [("levels", .array(2)), ("scales", .array(3))]),
        Bad("an axis that is not there", "grouped-integers", [8, 8], [("axis", 2)], levels),
        Bad("blocks of none", "grouped-integers", [8, 8], [("axis", 0), ("block", 0)], levels),
        Bad("huge blocks", "grouped-integers", [8, 8], [("axis", 0), ("block", .max), ("padded", 1)], levels),
        Bad("an axis of 2^48 beside one of 0", "grouped-integers", [1 << 48, 0], padded, empty + [("scales", scale)]),
        Bad("padding of blocks that are not there", "grouped-integers", [8, 8], [("axis", 0), ("padded", 1)], levels),
        Bad("padding of 2", "grouped-integers", [8, 8], [("axis", 0), ("block", 4), ("padded", 2)], levels),
        Bad("blocks without an axis", "grouped-integers", [8, 8], [("block", 4)], levels),
        Bad("a setting of another kind", "grouped-integers", [8, 8], [("offset", 0)], levels),
        Bad("a part of another kind", "grouped-integers", [8, 8], [], levels + [("table", scale)]),
        Bad("runs of bits that are too many", "grouped-integers", [128], [], packed([("bits", 4)], 128, runs: [4, 2])),
        Bad("too few scales", "grouped-integers", [8, 8], [("axis", 1)], levels),
        Bad("too many bits", "grouped-integers", [8, 8], [("bits", 9)], levels),
        Bad("float zero points", "grouped-integers", [8, 8], [], levels + [("zero-points", scale)]),
        Bad("packed levels of no bits", "grouped-integers", [128], [], packed([("bits", 0)], 128, runs: [])),
        Bad("a wrong offset", "grouped-integers", [128], [], packed([("bits", 4), ("offset", 3)], 128)),
        Bad("too few packed levels", "grouped-integers", [130], [], packed([("bits", 4)], 130)),
        Bad("packed levels without end", "grouped-integers", [1 << 40], [], packed([("bits", 4)], 1 << 40)),
        Bad("a code past its table", "tabled-integers", [64], [("bits", 4)], tabled(.array(3))),
        Bad("a table that is too long", "tabled-integers", [1], [("bits", 3)], tabled(nibble)),
        Bad("a table that is too short", "tabled-integers", [1], [], tabled(nibble)),
        Bad("no table", "tabled-integers", [1], [("bits", 4)], tabled(nibble).dropLast()),
        Bad("a table of integers", "tabled-integers", [1], [("bits", 3)], tabled(nibble, .array(4))),
        Bad("codes with a sign", "tabled-integers", [8, 8], [("bits", 4)], tabled(.array(2))),
        Bad(
            "codes with zero points", "tabled-integers", [1], [("bits", 4)],
            tabled(nibble) + [("zero-points", nibble)]),
        Bad(
            "codes of 16 bits", "tabled-integers", [1], [("bits", 16)],
            tabled(.numbers(Tensor(vector: [3 as UInt16])))),
        Bad("more numbers than codes", "tabled-integers", [1 << 57], [("bits", 4)], tabled(nibble)),
        Bad("an index past its values", "codebook", [64], [], [("indices", .array(3)), ("values", .array(1))]),
        Bad("integer values", "codebook", [64], [], [("indices", .array(3)), ("values", .array(2))]),
        Bad("a place outside", "sparse-values", [4, 4], [], [("values", .array(1)), ("indices", .array(4))]),
        Bad(
            "a sparse weight too large", "sparse-values", [1 << 40], [],
            [("values", scale), ("indices", .numbers(Tensor(vector: [7 as Int64])))]),
        Bad("half floats that are whole", "half-floats", [16], [], [("numbers", .array(1))]),
    ]

    private static func directory(_ forms: [NamedForm]) async throws -> (ContainerFile, ScratchFolder) {
        let folder = try ScratchFolder(), source = try folder.write(arrays, to: "m.safetensors")
        let model = try PackedModel.read(path: source).describing(
            forms.map { named in
                NamedForm(name: named.name, form: named.form.renumbered { $0 - 1 })
            })
        try await ContainerSamples.pack(model, to: folder.path("m.pith"))
        return (try ContainerFile(path: folder.path("m.pith")), folder)
    }

    @Test(arguments: bad) func `a form that does not fit is refused when it is read`(_ bad: Bad) async throws {
        let (file, folder) = try await Self.directory([NamedForm(name: "w", form: try bad.form())])
        for isStored in [false, true] {
            for target in ["w.npz", "w.safetensors"] {
                #expect {
                    _ = try ArrayExport(file, isStored: isStored).write(to: folder.path(target))
                } throws: { error in
                    let code = (error as? FormatError)?.code
                    return (code == .corrupt || code == .unsupported) && "\(error)".contains("'w'")
                }
                #expect(!FileManager.default.fileExists(atPath: folder.path(target)))
            }
        }
    }

    @Test func `huge shapes are refused, whose sizes together no number holds`() async throws {
        for parts in [[], Self.levels] {
            let form = try Bad("huge", "grouped-integers", [1 << 57], [], parts).form()
            let (file, folder) = try await Self.directory((0..<20).map { NamedForm(name: "w\($0)", form: form) })
            #expect(throws: FormatError.self) { try ArrayExport(file).write(to: folder.path("w.safetensors")) }
            #expect(!FileManager.default.fileExists(atPath: folder.path("w.safetensors")))
        }
    }

    @Test func `a form of another type than its parts make is refused`() async throws {
        let form = StoredForm(
            kind: "half-floats", type: .int32, shape: try Shape([2]),
            parts: [("numbers", .numbers(try Tensor(rounding: [1, 2], to: .float16, shape: .vector(2))))])
        let (file, folder) = try await Self.directory([NamedForm(name: "w", form: form)])
        #expect { try ArrayExport(file).write(to: folder.path("w.safetensors")) } throws: { error in
            (error as? FormatError)?.code == .corrupt && "\(error)".contains("int32")
        }
    }

    @Test func `a sound form beside them is accepted`() async throws {
        let scales = StoredForm.Source.numbers(Tensor(vector: [Float](repeating: 2, count: 8)))
        let form = try Bad(
            "sound", "grouped-integers", [8, 8], [("axis", 0)], [("levels", .array(2)), ("scales", scales)]
        ).form()
        let (file, folder) = try await Self.directory([NamedForm(name: "w", form: form)])
        _ = try ArrayExport(file).write(to: folder.path("w.npz"))
        let expected = (0..<64).map { Float($0) * 2 }
        #expect(try NPZArchive(path: folder.path("w.npz")).tensor(named: "w").floats() == expected)
    }

    @Test func `a weight without numbers takes no time, however long an axis of it is`() async throws {
        let scales = [("scales", StoredForm.Source.numbers(Tensor(vector: [Float]())))]
        let form = try Bad("empty", "grouped-integers", [1 << 48, 0], Self.padded, Self.empty + scales).form()
        let (file, folder) = try await Self.directory([NamedForm(name: "w", form: form)])
        _ = try ArrayExport(file).write(to: folder.path("w.npz"))
        #expect(try NPZArchive(path: folder.path("w.npz")).tensor(named: "w").shape.dimensions == [1 << 48, 0])
    }

    @Test func `forms that nest too deep are refused with the directory`() async throws {
        var nested = try Bad("flat", "half-floats", [16], [], [("numbers", .array(1))]).form()
        for _ in 0..<8 { nested = try Bad("deep", "half-floats", [16], [], [("numbers", .form(nested))]).form() }
        let form = nested
        await #expect(throws: FormatError.self) { _ = try await Self.directory([NamedForm(name: "w", form: form)]) }
    }
}
