import Foundation
import PithCompression
import PithFormats
import PithModel
import PithRuntime
import Synchronization
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

    @Test(arguments: ["", "{", "[1]", "{\"a\": \"b\"}", "{\"a\": 1}", "\u{0}\u{1}"])
    func `a damaged profile in the cache is no error and is replaced`(text: String) throws {
        let scratch = try Scratch(), path = try scratch.write("profile.json", text), runtime = try Runtime.load()
        let profile = MachineProfile(.cache(path))
        try profile.check()
        #expect(profile.answer("q", runtime: runtime) { 3 } == 3)
        #expect(MachineProfile(.cache(path)).answer("q", runtime: runtime) { 4 } == 3)
        #expect(profile.keepingFailure == nil)
    }

    @Test(arguments: ["{", "[1]", "{\"a\": \"b\"}", "{\"a\": 1}", "\u{0}\u{1}", "a thesis"])
    func `a file of something else that a user named is refused and stays`(text: String) throws {
        let scratch = try Scratch(), path = try scratch.write("thesis.txt", text), runtime = try Runtime.load()
        let profile = MachineProfile(.file(path))
        let error = #expect(throws: FormatError.self) { try profile.check() }
        #expect(error?.code == .corrupt && error?.subject.contains("thesis.txt") == true)
        #expect(profile.answer("q", runtime: runtime) { 3 } == 3)
        #expect(profile.keepingFailure == error)
        #expect(try String(contentsOfFile: path, encoding: .utf8) == text)
        #expect(scratch.names == ["thesis.txt"])
    }

    @Test func `folders and devices are refused, empty files and missing ones are not`() throws {
        let scratch = try Scratch()
        for path in [scratch.folder.path, "/dev/null"] {
            #expect(throws: FormatError.self) { try MachineProfile(.file(path)).check() }
        }
        try MachineProfile(.file(scratch.path("none.json"))).check()
        let path = try scratch.write("empty.json", ""), runtime = try Runtime.load()
        try MachineProfile(.file(path)).check()
        #expect(MachineProfile(.file(path)).answer("q", runtime: runtime) { 3 } == 3)
        try MachineProfile(.file(path)).check()
        #expect(MachineProfile(.file(path)).answer("q", runtime: runtime) { 4 } == 3)
        #expect(throws: FormatError.self) {
            let large = try scratch.write("large.json", String(repeating: " ", count: 1 << 24) + "{}")
            try MachineProfile(.file(large)).check()
        }
    }

    @Test func `a profile behind a link stays behind it`() throws {
        let scratch = try Scratch(), path = try scratch.write("real.json", "{}"), runtime = try Runtime.load()
        try FileManager.default.createSymbolicLink(atPath: scratch.path("link.json"), withDestinationPath: path)
        _ = MachineProfile(.file(scratch.path("link.json"))).answer("q", runtime: runtime) { 3 }
        #expect(MachineProfile(.file(path)).answer("q", runtime: runtime) { 4 } == 3)
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path("link.json")) == path)
    }

    @Test func `a profile that can not be written is no error, is told, and holds for the run`() throws {
        let scratch = try Scratch(), runtime = try Runtime.load()
        try scratch.write("file", "")
        for source in [MachineProfile.Source.file, MachineProfile.Source.cache] {
            let profile = MachineProfile(source(scratch.path("file/profile.json")))
            #expect(profile.answer("q", runtime: runtime) { 3 } == 3)
            #expect(profile.keepingFailure?.code == .unwritable)
            #expect(profile.answer("q", runtime: runtime) { 4 } == 3)
        }
    }

    @Test func `what many keep at the same time is all kept, and the first answer to a question stays`() throws {
        let scratch = try Scratch(), path = scratch.path("profile.json"), runtime = try Runtime.load()
        let shared = Mutex<Set<Double>>([])
        DispatchQueue.concurrentPerform(iterations: 8) { worker in
            for index in 0..<10 {
                // A profile of its own each time, as processes have.
                _ = MachineProfile(.file(path)).answer("\(worker) \(index)", runtime: runtime) { Double(index) }
            }
            let answer = MachineProfile(.file(path)).answer("shared", runtime: runtime) { Double(worker) }
            shared.withLock { _ = $0.insert(answer ?? .nan) }
        }
        #expect(shared.withLock { $0.count } == 1)
        for worker in 0..<8 {
            for index in 0..<10 {
                let kept = MachineProfile(.file(path)).answer("\(worker) \(index)", runtime: runtime) { -1 }
                #expect(kept == Double(index))
            }
        }
        #expect(scratch.names == ["profile.json"])
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
