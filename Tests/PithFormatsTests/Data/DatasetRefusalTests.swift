import PithFormats
import PithModel
import PithTensor
import Testing

@Suite struct DatasetRefusalTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let why: String, card: String
        var code = FormatError.Code.invalidCard
        let words: [String]
        var testDescription: String { why }
    }

    static let sound = "inputs: { x: { file: data.npz, array: ids } }\n"

    @Test(arguments: [
        Case(why: "unknown key", card: sound + "metrics: accuracy", words: ["line 2", "'metrics'", "metric,"]),
        Case(
            why: "unknown input key", card: "inputs:\n  x: { file: data.npz, arry: ids }",
            words: ["line 2", "'arry'", "inputs.x", "array"]),
        Case(
            why: "unknown labels key", card: sound + "labels: { file: data.npz, shape: [1] }",
            words: ["'shape'", "labels"]),
        Case(why: "no inputs", card: "metric: fidelity", words: ["inputs"]),
        Case(why: "not a map", card: "[1, 2]", words: ["a list", "not a map"]),
        Case(why: "input is no map", card: "inputs: { x: data.npz }", words: ["inputs.x", "text"]),
        Case(why: "no source", card: "inputs: { x: { scale: 2 } }", words: ["file", "value", "zeros"]),
        Case(why: "two sources", card: "inputs: { x: { file: data.npz, value: 2 } }", words: ["file and value"]),
        Case(
            why: "scale with value", card: "inputs: { x: { value: 1, scale: 2 } }", words: ["inputs.x.scale", "value"]),
        Case(
            why: "from with a file", card: "inputs: { x: { file: data.npz, array: ids, from: y } }",
            words: ["inputs.x.from"]),
        Case(
            why: "missing file", card: "inputs: { x: { file: no.npz, array: a } }", code: .missing,
            words: ["no.npz", "inputs.x.file", "relative"]),
        Case(
            why: "missing array", card: "inputs: { x: { file: data.npz, array: a } }", code: .missing,
            words: ["'a'", "'ids'", "inputs.x.array"]),
        Case(why: "array left out", card: "inputs: { x: { file: data.npz } }", words: ["several", "'ids'"]),
        Case(
            why: "wrong shape", card: "inputs: { x: { file: data.npz, array: ids, shape: [3] } }",
            words: ["[2]", "[3]", "inputs.x"]),
        Case(
            why: "negative shape", card: "inputs: { x: { file: data.npz, array: ids, shape: [-1, -2] } }",
            words: ["[-1, -2]"]),
        Case(
            why: "wrong axes", card: "inputs: { x: { file: data.npz, array: ids, axes: [0, 0] } }",
            words: ["[0, 0]", "permutation"]),
        Case(
            why: "too many axes", card: "inputs: { x: { file: data.npz, array: ids, axes: [0, 1, 2] } }",
            words: ["2 axes"]),
        Case(
            why: "wrong number of means", card: "inputs: { x: { file: data.npz, array: ids, mean: [1, 2, 3] } }",
            words: ["3 numbers", "axis 1"]),
        Case(
            why: "zero std", card: "inputs: { x: { file: data.npz, array: ids, std: 0 } }",
            words: ["inputs.x.std", "zero"]),
        Case(
            why: "text for a number", card: "inputs: { x: { file: data.npz, array: ids, scale: big } }",
            words: ["inputs.x.scale", "a number"]),
        Case(
            why: "infinite mean", card: "inputs: { x: { file: data.npz, array: ids, mean: .inf } }",
            words: ["inputs.x.mean", "finite"]),
        Case(
            why: "overlapping ranges", card: sound + "calibrate: [0, 5]\nevaluate: [4, 9]",
            words: ["line 3", "overlap", "0..<5"]),
        Case(
            why: "range past the end", card: sound + "calibrate: [0, 5]\nevaluate: [5, 11]",
            words: ["evaluate", "5..<11", "10 samples"]),
        Case(why: "empty range", card: sound + "evaluate: [5, 5]", words: ["evaluate", "[5, 5]"]),
        Case(why: "backward range", card: sound + "calibrate: [5, 1]", words: ["calibrate", "[5, 1]"]),
        Case(why: "nothing left", card: sound + "calibrate: [0, 10]", words: ["calibrate", "left"]),
        Case(why: "range is no list", card: sound + "calibrate: 5", words: ["calibrate", "list"]),
        Case(why: "unknown metric", card: sound + "metric: speed", words: ["'speed'", "accuracy-top5"]),
        Case(why: "labels missing", card: sound + "metric: f1", code: .missing, words: ["f1", "labels", "line 2"]),
        Case(
            why: "labels are no classes", card: sound + "labels: { file: data.npz, array: target }\nmetric: accuracy",
            words: ["float32", "accuracy"]),
        Case(
            why: "too few labels", card: sound + "labels: { file: data.npz, array: short }", words: ["3 samples", "10"]),
        Case(why: "empty data", card: "inputs: { x: { file: data.npz, array: none } }", words: ["0x3", "no samples"]),
        Case(why: "only constants", card: "inputs: { x: { value: 1 } }", words: ["same every time"]),
        Case(why: "zero batch", card: sound + "batch: 0", words: ["batch", "0"]),
        Case(why: "spearman without pairs", card: sound + "metric: spearman", words: ["pairs"]),
        Case(
            why: "pairs of another metric", card: sound + "metric: cosine\npairs: { score: score, offset: 5 }",
            words: ["cosine"]),
        Case(why: "offset too large", card: sound + "pairs: { score: score, offset: 10 }", words: ["offset", "10"]),
        Case(
            why: "pairs that share rows",
            card: sound + "pairs: { score: score, offset: 2 }\ncalibrate: [0, 2]\nevaluate: [2, 4]",
            words: ["share rows"]),
        Case(
            why: "scores missing", card: sound + "pairs: { score: points, offset: 5 }", code: .missing,
            words: ["'points'"]),
        Case(why: "huge zeros", card: "inputs: { x: { zeros: [1000000, 1000000] } }", words: ["zeros", "1000000"]),
        Case(why: "ragged value", card: "inputs: { x: { value: [[1], [2, 3]] } }", words: ["inputs.x.value"]),
        Case(why: "text value", card: "inputs: { x: { value: hello } }", words: ["inputs.x.value"]),
        Case(why: "no YAML", card: "inputs: [", words: ["line"]),
    ])
    func `A card that can not be followed is refused in words`(item: Case) {
        let refused = refusal { try DatasetTests.open(item.card, [DatasetTests.input("x")]) }
        #expect(refused?.code == item.code)
        for word in item.words { #expect(refused?.says(word) == true, "\(refused?.text ?? "no refusal")") }
    }

    @Test func `Inputs that differ in length, have no data or another shape than the graph are refused`() {
        let two = "inputs: { x: { file: data.npz, array: ids }, y: { file: data.npz, array: short } }"
        let x = DatasetTests.input("x"), y = DatasetTests.input("y")
        #expect(refusal { try DatasetTests.open(two, [x, y]) }?.says("3 samples", "inputs.y", "inputs.x") == true)
        let missing = refusal { try DatasetTests.open(DatasetRefusalTests.sound, [x, y]) }
        #expect(missing?.code == .missing && missing?.says("'y'", "inputs") == true)
        let wide = DatasetTests.input("x", .float32, [nil, 3])
        #expect(
            refusal { try DatasetTests.open(DatasetRefusalTests.sound, [wide]) }?.says("?x2", "?x3", "shape") == true)
        let flat = refusal {
            try DatasetTests.open(DatasetRefusalTests.sound, [DatasetTests.input("x", .float32, [2])])
        }
        #expect(flat?.says("?x2", "takes 2 ", "without an axis for samples", "`value`") == true, "\(flat?.text ?? "")")
        let deep = DatasetTests.input("x", .float32, [nil, 2, 1])
        #expect(refusal { try DatasetTests.open(DatasetRefusalTests.sound, [deep]) }?.says("?x2x1") == true)
        let state = "inputs: { x: { file: data.npz, array: ids }, y: { zeros: [2], from: z } }\nbatch: 4"
        #expect(refusal { try DatasetTests.open(state, [x, y]) }?.says("batch: 1") == true)
        let text = DatasetTests.input("x", .string)
        #expect(
            refusal { try DatasetTests.open(DatasetRefusalTests.sound, [text]).inputs(rows: [0]) }?.code == .unsupported
        )
        #expect(refusal { try Dataset(path: "nowhere.yaml", graphInputs: []) }?.code == .missing)
    }

    @Test func `Every truncation and every flipped bit of an NPZ returns or throws`() throws {
        var builder = ZIPBuilder()
        builder.add("x.npy", try NPYWriter.bytes(of: Tensor(vector: [1, 2, 3] as [Float])), deflated: true)
        builder.add("labels.npy", try NPYWriter.bytes(of: Tensor(vector: [0, 1, 2] as [UInt8])), deflated: true)
        let good = try builder.built(), folder = try ScratchFolder()
        for bytes in Damage.truncations(of: good) + Damage.flips(of: good) {
            let path = try folder.write(bytes, to: "d.npz")
            do {
                let data = try Dataset(path: path, graphInputs: [DatasetTests.input("x")])
                #expect(try data.inputs(rows: [0, 1, 2])["x"]?.elements(as: Float.self) == [1, 2, 3])
            } catch { #expect(!error.problem.isEmpty && !error.remedy.isEmpty) }
        }
    }

    @Test func `Every truncation and every flipped bit of a card returns or throws`() throws {
        let good =
            "inputs: { x: { file: data.npz, array: ids, scale: 2 } }\nmetric: fidelity\ncalibrate: [0, 4]\nevaluate: [4, 10]\n"
        let folder = try DatasetTests.folder()
        for bytes in Damage.truncations(of: Array(good.utf8)) + Damage.flips(of: Array(good.utf8)) {
            let path = try folder.write(bytes, to: "card.yaml")
            do { _ = try Dataset(path: path, graphInputs: [DatasetTests.input("x")]).inputs(rows: [0]) } catch {
                #expect(!error.problem.isEmpty && !error.remedy.isEmpty)
            }
        }
    }
}
