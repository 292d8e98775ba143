import Foundation
import PithRuntime
import Testing

@Suite struct RuntimeTests {
    @Test func `versions below 1.17 are not supported`() {
        for version in ["1.17.0", "1.17.3", "1.31.1", "1.100.0", "2.0.0", "1.18.0-rc1"] {
            #expect(Runtime.supports(version: version), "\(version)")
        }
        for version in ["1.16.3", "1.9.0", "0.5.1", "", "1", "one.two", "1.", ".17"] {
            #expect(!Runtime.supports(version: version), "\(version)")
        }
    }

    @Test func `nothing found says what to do`() {
        let locator = RuntimeLocator(override: nil, folders: ["/nonexistent"], loaderNames: ["libno-such-runtime.so"])
        let error = #expect(throws: RuntimeError.self) { _ = try Runtime.load(by: locator) }
        #expect(error?.code == .notFound)
        #expect(error?.problem.contains("/nonexistent") == true)
        #expect(error?.problem.contains("libno-such-runtime.so") == true)
        #expect(error?.remedy.contains("make setup") == true)
        #expect(error?.remedy.contains("PITH_ONNXRUNTIME") == true)
    }

    @Test func `a wrong setting is told, not passed over`() throws {
        try TestRuntime.withFolder { folder in
            let text = folder.appendingPathComponent("libonnxruntime.so")
            try Data("no library".utf8).write(to: text)
            for setting in [text.path, folder.path, folder.appendingPathComponent("gone").path] {
                let locator = RuntimeLocator(environment: ["PITH_ONNXRUNTIME": setting, "HOME": "/"])
                let error = #expect(throws: RuntimeError.self) { _ = try Runtime.load(by: locator) }
                #expect(error?.code == .notFound)
                #expect(error?.subject.contains(setting) == true)
            }
        }
    }

    #if os(Linux)
        @Test func `a library of something else is refused`() {
            let error = #expect(throws: RuntimeError.self) { _ = try Runtime(library: "libm.so.6") }
            #expect(error?.code == .notFound)
            #expect(error?.problem.contains("OrtGetApiBase") == true)
        }

        @Test func `folders are searched for the plain name, then the highest version`() throws {
            try TestRuntime.withFolder { folder in
                let library = folder.appendingPathComponent("lib")
                try FileManager.default.createDirectory(at: library, withIntermediateDirectories: true)
                let names = [
                    "libonnxruntime.so.1.9.0", "libonnxruntime.so.1.31.1", "libonnxruntime_providers_shared.so",
                    "libonnxruntime.txt",
                    "libonnxruntime.so", "libonnxruntime.so.1",
                ]
                for name in names { try Data().write(to: library.appendingPathComponent(name)) }
                let locator = RuntimeLocator(environment: ["PITH_ONNXRUNTIME": folder.path])
                let found = locator.candidates.map { String($0.dropFirst(library.path.count + 1)) }
                #expect(
                    found == [
                        "libonnxruntime.so", "libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0",
                        "libonnxruntime.so.1",
                    ])
            }
        }
    #endif

    @Test func `the prefix of make setup comes before the system loader`() throws {
        let custom = RuntimeLocator(environment: ["XDG_DATA_HOME": "/data", "HOME": "/home/me"])
        #expect(custom.folders.first == "/data/pith/onnxruntime/lib")
        let home = RuntimeLocator(environment: ["XDG_DATA_HOME": "", "HOME": "/nobody", "PITH_ONNXRUNTIME": ""])
        #expect(home.folders.first == "/nobody/.local/share/pith/onnxruntime/lib")
        #expect(home.override == nil)
        #expect(home.candidates.last == home.loaderNames.last)
        #expect(home.folders.count == RuntimeLocator(environment: [:]).folders.count + 1)
    }

    @Test(.enabled(if: TestRuntime.isPresent, "needs ONNX Runtime"))
    func `the runtime is loaded once and knows itself`() throws {
        let runtime = try Runtime.load()
        #expect(Runtime.supports(version: runtime.version))
        #expect(FileManager.default.fileExists(atPath: runtime.libraryPath))
        #expect(try Runtime.load() === runtime)
    }
}
