#if os(Linux)
    import Foundation
    import PithFormats
    import PithModel
    import PithTestSupport
    import Testing

    /// The built program as a process of its own, whose memory is its own.
    struct InspectRun {
        let status: Int32
        let output: String
        /// The most memory the process held, from its `VmHWM`; nil when it ended before it could be read.
        let peakMiB: Double?
        let seconds: Double

        /// The binary that `PITH_BINARY` names, or the one of the release build.
        static let program =
            ProcessInfo.processInfo.environment["PITH_BINARY"].map { URL(fileURLWithPath: $0) }
            ?? URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent(".build/release/pith")

        static var isPresent: Bool { FileManager.default.isExecutableFile(atPath: program.path) }

        /// Runs `pith inspect`, or another command, on a model.
        init(_ path: String?, command: String = "inspect", _ options: String...) throws {
            let process = Process(), scratch = try ScratchFolder()
            let result = scratch.path("output")
            _ = FileManager.default.createFile(atPath: result, contents: nil)
            process.executableURL = InspectRun.program
            process.arguments = [command] + (path.map { [$0] } ?? []) + options
            process.standardOutput = FileHandle(forWritingAtPath: result)
            process.standardError = FileHandle.nullDevice
            let start = ContinuousClock.now
            try process.run()
            var peak: Double?
            while process.isRunning {
                // A process that has ended has no such line any more: the last value that was there counts.
                peak = InspectRun.highWater(of: process.processIdentifier) ?? peak
                Thread.sleep(forTimeInterval: 0.0005)
            }
            let elapsed = ContinuousClock.now - start
            seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
            status = process.terminationStatus
            output = try String(contentsOfFile: result, encoding: .utf8)
            peakMiB = peak
        }

        private static func highWater(of process: Int32) -> Double? {
            // Until it has become the program, a spawned process shows the memory of the tests, which it shares.
            let running = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/exe")
            guard running == program.resolvingSymlinksInPath().path else { return nil }
            guard let status = FileManager.default.contents(atPath: "/proc/\(process)/status") else { return nil }
            let line = String(decoding: status, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return line?.split(separator: " ").dropFirst().first.flatMap { Double($0) }.map { $0 / 1024 }
        }
    }

    @Suite(.serialized, .enabled(if: InspectRun.isPresent, "needs the built program"))
    struct InspectMemoryTests {
        @Test(.enabled(if: SharedData.isPresent, "needs the shared data"))
        func `inspecting a model of 90 MB takes less than 60 MiB`() throws {
            let run = try InspectRun(SharedData.url("models/all-minilm-l6-v2.onnx").path)
            #expect(run.status == 0 && !run.output.isEmpty)
            let peak = try #require(run.peakMiB)
            // The tests' program loads Swift's libraries, whose pages count as its memory as the system sees fit.
            let libraries = try (0..<5).compactMap { _ in try InspectRun(nil, command: "version").peakMiB }.max() ?? 0
            #expect(peak < 60 || peak - min(libraries, 40) < 32)
        }

        @Test func `inspecting a model of 3 GB with external data takes seconds at most and less than 100 MB`() throws {
            let scratch = try ScratchFolder(), count = 48, bytes = 1 << 26
            var model = HandmadeModel()
            model.inputs = [HandmadeModel.value("x", type: 1, [1, 4096])]
            for index in 0..<count {
                model.weights.append(
                    HandmadeModel.external(
                        "w\(index)", [4096, 4096],
                        [("location", "m.data"), ("offset", "\(index * bytes)"), ("length", "\(bytes)")]))
                model.node("MatMul", [index == 0 ? "x" : "v\(index - 1)", "w\(index)"], ["v\(index)"])
            }
            model.outputs = [HandmadeModel.value("v\(count - 1)", type: 1, [1, 4096])]
            let path = try scratch.write(model.bytes, to: "m.onnx")
            // A hole of 3 GB takes no room on the disk.
            _ = FileManager.default.createFile(atPath: scratch.path("m.data"), contents: nil)
            let data = try #require(FileHandle(forWritingAtPath: scratch.path("m.data")))
            try data.truncate(atOffset: UInt64(count * bytes))
            try data.close()
            let run = try InspectRun(path)
            #expect(run.status == 0 && run.output.contains("805306368 parameters"))
            #expect(try #require(run.peakMiB) < 95)
            #expect(run.seconds < 5)
        }

        @Test(arguments: [1 << 30, UInt64(1) << 62]) func `a lying length is refused with exit 3 and little memory`(
            _ length: UInt64
        ) throws {
            let scratch = try ScratchFolder()
            let lie = ProtoWriter.bytes { $0.message(7) { $0.message(5) { $0.lie(9, length: length) } } }
            let run = try InspectRun(try scratch.write(lie, to: "m.onnx"))
            #expect(run.status == 3 && run.output.isEmpty)
            #expect(run.peakMiB ?? 0 < 60)
        }

        @Test func `a sparse weight of terabytes is inspected without its dense form and never decoded`() throws {
            let scratch = try ScratchFolder()
            var model = HandmadeModel()
            model.sparse = [HandmadeModel.sparseWeight("w", [1 << 20, 1 << 20])]
            model.inputs = [HandmadeModel.value("x", type: 1, [1, 1 << 20])]
            model.outputs = [HandmadeModel.value("y", type: 1, [1, 1 << 20])]
            model.node("MatMul", ["x", "w"], ["y"])
            let path = try scratch.write(model.bytes, to: "m.onnx")
            let run = try InspectRun(path, "--statistics", "--format", "json")
            #expect(run.status == 0)
            #expect(run.peakMiB ?? 0 < 60)
            let object = try #require(try JSONSerialization.jsonObject(with: Data(run.output.utf8)) as? [String: Any])
            let weight = try #require((object["weights"] as? [[String: Any]])?.first)
            let figures = try #require(weight["statistics"] as? [String: Any])
            #expect(figures["minimum"] as? Double == 0 && figures["maximum"] as? Double == 1.5)
            #expect(abs(try #require(figures["mean"] as? Double) * 0x1p40 - 1.5) < 1e-12)
            #expect(try #require(figures["zeros"] as? Double) > 0.999_999_999_999)
            let text = try InspectRun(path, "--statistics")
            #expect(text.status == 0 && text.output.contains("1048576x1048576"))
            let refused = try InspectRun(path, command: "compress", "-o", scratch.path("o.onnx"), "--profile", "none")
            #expect(refused.status == 3 && refused.output.isEmpty)
            #expect(refused.peakMiB ?? 0 < 60)
        }

        @Test func `a file that is no model is refused with exit 3`() throws {
            let scratch = try ScratchFolder()
            #expect(try InspectRun(scratch.write("not a model", to: "m.onnx")).status == 3)
            #expect(try InspectRun(scratch.write("", to: "e.onnx")).status == 3)
            #expect(try InspectRun(scratch.path("none.onnx")).status == 3)
        }
    }
#endif
