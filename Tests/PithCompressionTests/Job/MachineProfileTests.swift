import Foundation
import PithCompression
import PithModel
import PithRuntime
import Testing

@Suite(.enabled(if: GraphBench.hasRuntime, "needs ONNX Runtime")) struct MachineProfileTests {
    @Test func `an answer is asked for once, and kept for the next process`() throws {
        let scratch = try Scratch(), path = scratch.path("deep/folder/profile.json"), runtime = try Runtime.load()
        var asked = 0
        for _ in 0..<2 {
            let profile = MachineProfile(.file(path))
            for _ in 0..<2 {
                let answer = profile.answer("question", runtime: runtime) {
                    asked += 1
                    return 1.234_56
                }
                #expect(answer == 1.235)
            }
        }
        #expect(asked == 1)
        #expect(MachineProfile(.file(path)).answer("another", runtime: runtime) { 2 } == 2)
        #expect(MachineProfile(.file(path)).answer("question", runtime: runtime) { 9 } == 1.235)
    }

    @Test func `fixed rules ask nothing and keep nothing`() throws {
        let runtime = try Runtime.load()
        #expect(MachineProfile.fixedRules.answer("question", runtime: runtime) { 1 } == nil)
        #expect(MachineProfile.fixedRules.isFixed)
    }

    @Test(arguments: ["", "{", "[1]", "{\"a\": \"b\"}", "\u{0}\u{1}"])
    func `a damaged profile is no error and is replaced`(
        text: String
    ) throws {
        let scratch = try Scratch(), path = try scratch.write("profile.json", text), runtime = try Runtime.load()
        #expect(MachineProfile(.file(path)).answer("q", runtime: runtime) { 3 } == 3)
        #expect(MachineProfile(.file(path)).answer("q", runtime: runtime) { 4 } == 3)
    }

    @Test func `a profile that can not be written is no error`() throws {
        let scratch = try Scratch(), runtime = try Runtime.load()
        try scratch.write("file", "")
        let profile = MachineProfile(.file(scratch.path("file/profile.json")))
        #expect(profile.answer("q", runtime: runtime) { 3 } == 3)
        #expect(profile.answer("q", runtime: runtime) { 4 } == 4)
    }

    @Test func `what fails to be measured is not kept`() throws {
        struct Failure: Error {}
        let scratch = try Scratch(), runtime = try Runtime.load()
        let profile = MachineProfile(.file(scratch.path("profile.json")))
        #expect(throws: Failure.self) { try profile.answer("q", runtime: runtime) { throw Failure() } }
        #expect(scratch.names.isEmpty)
    }
}

struct MinimumRuntimeTests {
    @Test(arguments: [
        (7, 3, "1.17"), (17, 8, "1.17"), (20, 9, "1.17"), (17, 10, "1.18"), (21, 10, "1.18"), (22, 10, "1.20"),
        (23, 10, "1.22"),
        (13, 11, "1.22"), (24, 12, "1.23"), (25, 13, "1.24"), (99, 99, "1.24"),
    ]) func `operator set and file format say which runtime is needed`(opset: Int, format: Int, name: String) {
        let model = Model(graph: Graph(), operatorSets: ["": opset], formatVersion: format)
        #expect(MinimumRuntime.name(of: model) == "ONNX Runtime \(name)")
    }
}
