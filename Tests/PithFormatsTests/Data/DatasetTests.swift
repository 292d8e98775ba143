import PithFormats
import PithModel
import PithTensor
import Testing

@Suite struct DatasetTests {
    static func input(_ name: String, _ type: ScalarType? = .float32, _ lengths: [Int?]? = nil) -> ValueInfo {
        let dimensions = lengths?.map { $0.map(ValueType.Dimension.fixed) ?? .unknown }
        return ValueInfo(name: name, type: ValueType(element: type, dimensions: dimensions))
    }

    /// A folder with `data.npz`: images 10 x 2 x 2 x 3 of bytes 0, 1, 2 ..., labels, scores, and other types.
    static func folder() throws -> ScratchFolder {
        let folder = try ScratchFolder()
        var builder = ZIPBuilder()
        let bytes = (0..<120).map { UInt8($0) }
        builder.add(
            "image.npy", try NPYWriter.bytes(of: Tensor(bytes, shape: try Shape([10, 2, 2, 3]))), deflated: true)
        builder.add(
            "label.npy", try NPYWriter.bytes(of: Tensor((0..<10).map { Int64($0 % 3) }, shape: try Shape([10, 1]))))
        builder.add("target.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<10).map { Float($0) / 4 })))
        builder.add("score.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<5).map { Float($0) / 2 })), deflated: true)
        builder.add(
            "ids.npy", try NPYWriter.bytes(of: Tensor((0..<20).map { Int64($0 * 20) }, shape: try Shape([10, 2]))))
        builder.add("short.npy", try NPYWriter.bytes(of: Tensor(vector: [1, 2, 3] as [Float])))
        builder.add("none.npy", try NPYWriter.bytes(of: Tensor([] as [Float], shape: try Shape([0, 3]))))
        _ = try folder.write(try builder.built(), to: "data.npz")
        return folder
    }

    static func open(_ card: String, _ inputs: [ValueInfo]) throws -> Dataset {
        let folder = try folder()
        return try Dataset(path: try folder.write(card, to: "card.yaml"), graphInputs: inputs)
    }

    @Test func `Images become normalized channels, each step rounded to float32`() throws {
        let data = try DatasetTests.open(
            """
            inputs:
              image: { file: data.npz, array: image, axes: [0, 3, 1, 2], scale: 0.5, mean: [1, 2, 3], std: [1, 2, 4] }
            labels: { file: data.npz, array: label }
            metric: accuracy
            calibrate: [0, 4]
            evaluate: [4, 10]
            """, [DatasetTests.input("image", .float32, [nil, 3, 2, 2])])
        let image = try #require(try data.inputs(rows: [1, 0])["image"])
        #expect(image.shape.dimensions == [2, 3, 2, 2])
        #expect(
            image.elements(as: Float.self) == [
                5, 6.5, 8, 9.5, 2.25, 3, 3.75, 4.5, 1, 1.375, 1.75, 2.125, -1, 0.5, 2, 3.5, -0.75, 0, 0.75, 1.5, -0.5,
                -0.125, 0.25, 0.625,
            ])
        #expect(try data.labels(rows: [4, 5, 9]) == Tensor(vector: [1, 2, 0] as [Int64]))
        #expect(data.metric == .accuracy && data.calibrationRows == 0..<4 && data.evaluationRows == 4..<10)
        #expect(
            data.sampleRows(2..<4) == [2, 3] && data.pairOffset == nil && data.batchSize == nil && data.notes.isEmpty)
    }

    @Test func `Samples can come from any axis and take any shape`() throws {
        let data = try DatasetTests.open(
            "inputs: { x: { file: data.npz, array: image, axes: [3, 0, 1, 2], shape: [5, 8] } }",
            [DatasetTests.input("x")])
        let x = try #require(try data.inputs(rows: [2, 0])["x"])
        #expect(x.shape.dimensions == [2, 5, 8])
        let values = x.elements(as: Float.self)
        #expect(values.prefix(3) == [2, 5, 8] && values[40] == 0 && values[79] == 117)
        #expect(data.calibrationRows == 0..<1 && data.evaluationRows == 1..<3)
    }

    @Test(arguments: [ScalarType.int64, .int32, .uint16, .int16])
    func `Integer inputs stay integers`(type: ScalarType) throws {
        let data = try DatasetTests.open(
            "inputs: { ids: { file: data.npz, array: ids } }", [DatasetTests.input("ids", type)])
        let ids = try #require(try data.inputs(rows: [9, 1])["ids"])
        #expect(ids.type == type && ids.integers() == [360, 380, 40, 60])
    }

    @Test func `A number that the graph's type can not hold is refused with its input`() throws {
        let data = try DatasetTests.open(
            "inputs: { ids: { file: data.npz, array: ids } }", [DatasetTests.input("ids", .uint8)])
        #expect(try data.inputs(rows: [0, 1, 2])["ids"]?.integers() == [0, 20, 40, 60, 80, 100])
        #expect(refusal { try data.inputs(rows: [9]) }?.says("360", "uint8", "inputs.ids") == true)
    }

    @Test func `Other float types are cast with one rounding`() throws {
        for (type, bits) in [(ScalarType.float16, [0x3555, 0xb555]), (.bfloat16, [0x3eab, 0xbeab])] {
            let folder = try ScratchFolder()
            var builder = ZIPBuilder()
            builder.add("x.npy", try NPYWriter.bytes(of: Tensor(vector: [1.0 / 3, -1.0 / 3, 1] as [Double])))
            let path = try folder.write(try builder.built(), to: "d.npz")
            let x = try #require(
                try Dataset(path: path, graphInputs: [DatasetTests.input("x", type)]).inputs(rows: [0, 1])["x"])
            #expect(x.type == type && x.storage == Storage(bits.map { UInt16($0) }))
        }
    }

    @Test func `Constants, zeros and carried state come as they are`() throws {
        let data = try DatasetTests.open(
            """
            inputs:
              x: { file: data.npz, array: ids }
              rate: { value: 16000 }
              one: { value: [[1, 2.5], [3, 4]] }
              state: { zeros: [2, 1, 3], from: stateN }
              extra: { value: 3 }
            batch: 1
            output: scores
            """,
            [
                DatasetTests.input("x"), DatasetTests.input("rate", .int64, []), DatasetTests.input("one", nil),
                DatasetTests.input("state", .float32, [2, nil, 3]),
            ])
        let inputs = try data.inputs(rows: [3, 4])
        #expect(inputs["rate"] == Tensor(scalar: Int64(16000)))
        #expect(inputs["one"] == Tensor([1, 2.5, 3, 4] as [Float], shape: try Shape([2, 2])))
        #expect(inputs["state"] == Tensor([Float](repeating: 0, count: 6), shape: try Shape([2, 1, 3])))
        #expect(data.carried == ["state": "stateN"] && data.batchSize == 1 && data.output == "scores")
        #expect(data.notes == ["input 'extra' is left out: the graph has no such input."])
        #expect(data.metric == .fidelity && data.calibrationRows == 0..<2 && data.evaluationRows == 2..<10)
    }

    @Test func `One number fills an input whose lengths the graph fixes`() throws {
        let data = try DatasetTests.open(
            "inputs: { x: { file: data.npz, array: ids }, id: { value: 3 }, gain: { value: 0.5 }, one: { value: 7 } }",
            [
                DatasetTests.input("x"), DatasetTests.input("id", .int64, [5]),
                DatasetTests.input("gain", .float32, [2, 2]), DatasetTests.input("one", .int64, [1, 1]),
            ])
        let inputs = try data.inputs(rows: [0, 1])
        #expect(inputs["id"] == Tensor(vector: [3, 3, 3, 3, 3] as [Int64]))
        #expect(inputs["gain"] == Tensor([0.5, 0.5, 0.5, 0.5] as [Float], shape: try Shape([2, 2])))
        #expect(inputs["one"] == Tensor([7] as [Int64], shape: try Shape([1, 1])))
    }

    @Test func `A number that is not finite is refused with its file, input and row`() throws {
        let folder = try ScratchFolder()
        var numbers = (0..<12).map { Float($0) }, builder = ZIPBuilder()
        (numbers[7], numbers[11]) = (.nan, .infinity)
        builder.add("x.npy", try NPYWriter.bytes(of: Tensor(numbers, shape: try Shape([4, 3]))))
        let path = try folder.write(try builder.built(), to: "d.npz")
        let data = try Dataset(path: path, graphInputs: [DatasetTests.input("x")])
        try data.requireFinite(0..<2)
        #expect(
            refusal { try data.requireFinite(0..<4) }?.says("d.npz", "'x'", "NaN in row 2", "number 1 of 3") == true)
        #expect(refusal { try data.requireFinite(3..<4) }?.says("infinite in row 3") == true)
    }

    @Test func `Pairs run their first halves, then their second`() throws {
        let data = try DatasetTests.open(
            """
            inputs: { ids: { file: data.npz, array: ids } }
            metric: spearman
            pairs: { score: score, offset: 5 }
            calibrate: [0, 2]
            evaluate: [2, 5]
            """, [DatasetTests.input("ids", .int64)])
        #expect(data.pairOffset == 5)
        #expect(data.sampleRows(2..<5) == [2, 3, 4, 7, 8, 9])
        #expect(try data.pairScores(2..<5) == [1, 1.5, 2])
        #expect(refusal { try data.pairScores(2..<6) }?.code == .missing)
        #expect(try data.labels(rows: [0]) == nil)
    }

    @Test func `A bare NPZ calibrates on its first fifth and is scored by accuracy when it has labels`() throws {
        let folder = try ScratchFolder()
        for (count, fifth) in [(1, 0), (2, 1), (9, 1), (100, 20), (4000, 512)] {
            var builder = ZIPBuilder()
            builder.add("x.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<count).map { Float($0) })), deflated: true)
            builder.add("labels.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<count).map { Int32($0) })))
            builder.add("other.npy", try NPYWriter.bytes(of: Tensor(scalar: Float(1))))
            let data = try Dataset(
                path: try folder.write(try builder.built(), to: "d.npz"), graphInputs: [DatasetTests.input("x")])
            #expect(data.calibrationRows == 0..<fifth && data.evaluationRows == fifth..<count)
            #expect(
                data.metric == .accuracy && data.notes == ["input 'other' is left out: the graph has no such input."])
            #expect(try data.labels(rows: [count - 1])?.integers() == [count - 1])
            #expect(refusal { try data.inputs(rows: [count]) }?.code == .missing)
        }
    }

    @Test func `Labels that are no class indices are told, not dropped`() throws {
        let folder = try ScratchFolder()
        var builder = ZIPBuilder()
        builder.add("x.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<9).map { Float($0) })))
        builder.add("labels.npy", try NPYWriter.bytes(of: Tensor(vector: (0..<9).map { Float($0) })))
        let data = try Dataset(
            path: try folder.write(try builder.built(), to: "d.npz"), graphInputs: [DatasetTests.input("x")])
        #expect(data.metric == .fidelity)
        #expect(data.notes.count == 1 && data.notes[0].hasPrefix("the labels are float32, no class indices"))
    }

    @Test func `Rows asked for are as many as given, none included`() throws {
        let data = try DatasetTests.open("inputs: { ids: { file: data.npz, array: ids } }", [DatasetTests.input("ids")])
        #expect(try data.inputs(rows: [])["ids"]?.shape.dimensions == [0, 2])
        #expect(try data.inputs(rows: [3, 3, 3])["ids"]?.elements(as: Float.self) == [120, 140, 120, 140, 120, 140])
    }
}
