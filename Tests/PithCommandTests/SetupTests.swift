#if os(Linux)
    import Foundation
    import Testing

    /// `Scripts/setup.sh` with made-up libraries, and without a network: its programs that fetch are replaced.
    @Suite(
        .enabled(
            if: FileManager.default.fileExists(atPath: "/usr/include/zlib.h"), "needs zlib's headers, which it installs"
        ))
    struct SetupTests {
        private let workshop: Workshop

        init() throws {
            workshop = try Workshop()
            for program in ["curl", "python3", "apt-get", "sudo", "ldconfig"] { try replace(program, by: "exit 1") }
        }

        private func replace(_ program: String, by script: String) throws {
            let folder = workshop.folder.appendingPathComponent("programs")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let file = folder.appendingPathComponent(program)
            try Data("#!/bin/sh\n\(script)\n".utf8).write(to: file)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: file.path)
        }

        private func library(_ path: String, _ content: String = "no real library") throws {
            let file = workshop.folder.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(content.utf8).write(to: file)
        }

        private func run(_ more: [String: String] = [:]) throws -> Program.Result {
            let search =
                "\(workshop.path("programs")):\(ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")"
            let fixed = ["PATH": search, "XDG_DATA_HOME": workshop.path("data"), "PITH_ONNXRUNTIME": ""]
            let script = Program.package.appendingPathComponent("Scripts/setup.sh").path
            return try Program.launch(
                "/bin/sh", [script], in: workshop, environment: fixed.merging(more) { $1 }
            ).finish()
        }

        /// Whether this machine has one that every case below would find.
        private static let isClean = ["/usr/local/lib", "/usr/lib64", "/usr/lib", "/usr/lib/x86_64-linux-gnu"]
            .allSatisfy {
                folder in
                let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
                return !names.contains { $0.hasPrefix("libonnxruntime.so") }
            }

        @Test(.enabled(if: isClean, "needs a machine without ONNX Runtime in its system folders"))
        func `without a runtime and a network it says what to install and goes on`() throws {
            let result = try run()
            #expect(result.status == 0)
            #expect(result.errors.contains("can not be fetched"))
            #expect(result.errors.contains("PITH_ONNXRUNTIME"))
            #expect(result.errors.contains("github.com/microsoft/onnxruntime/releases"))
            #expect(!FileManager.default.fileExists(atPath: workshop.path("data/pith")))
        }

        @Test func `what is in the prefix is used when it is new enough`() throws {
            try library("data/pith/onnxruntime/lib/libonnxruntime.so.1.17.0")
            let result = try run()
            #expect(result.status == 0 && !result.errors.contains("ONNX Runtime"))
            #expect(result.output.contains("ONNX Runtime 1.17.0 is installed: \(workshop.path("data"))"))
        }

        @Test func `the version is read from the symbols where the name has none`() throws {
            try library("data/pith/onnxruntime/lib/libonnxruntime.so", "\u{7f}ELF\0\0VERS_1.22.3\0\u{1}")
            #expect(try run().output.contains("ONNX Runtime 1.22.3 is installed"))
        }

        @Test(.enabled(if: isClean, "needs a machine without ONNX Runtime in its system folders"))
        func `what is too old or empty is passed over`() throws {
            try library("data/pith/onnxruntime/lib/libonnxruntime.so.1.16.3")
            try library("data/pith/onnxruntime/lib/libonnxruntime.so.1.9.0")
            try library("data/pith/onnxruntime/lib/libonnxruntime.so.1.31.1", "")
            try library("data/pith/onnxruntime/lib/libonnxruntime.so", "no version")
            let result = try run()
            #expect(result.status == 0)
            #expect(result.errors.contains("can not be fetched"))
        }

        @Test(.enabled(if: isClean, "needs a machine without ONNX Runtime in its system folders"))
        func `the loader's folders and its list are asked`() throws {
            try library("elsewhere/libonnxruntime.so.1.20.1")
            let path = workshop.path("elsewhere")
            #expect(try run(["LD_LIBRARY_PATH": "/nowhere:\(path)"]).output.contains("ONNX Runtime 1.20.1"))
            try replace(
                "ldconfig", by: "echo '\tlibonnxruntime.so.1 (libc6,x86-64) => \(path)/libonnxruntime.so.1.20.1'")
            #expect(try run().output.contains("ONNX Runtime 1.20.1 is installed: \(path)"))
        }

        @Test func `a wrong setting is told`() throws {
            let result = try run(["PITH_ONNXRUNTIME": "/nowhere"])
            #expect(result.status == 1)
            #expect(result.errors.contains("/nowhere, which does not exist"))
            try library("mine/libonnxruntime.so")
            #expect(try run(["PITH_ONNXRUNTIME": workshop.path("mine")]).output.contains("using the ONNX Runtime of"))
        }
    }
#endif
