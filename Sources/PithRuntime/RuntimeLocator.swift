#if canImport(FoundationEssentials)
    internal import FoundationEssentials
#else
    internal import Foundation
#endif

/// Where ONNX Runtime is looked for, in order.
///
/// 1. `PITH_ONNXRUNTIME`: a library, or a folder with one. When it is set, nothing else is tried: a wrong setting is told.
/// 2. The folder that `make setup` fills: `$XDG_DATA_HOME/pith/onnxruntime/lib`, or under `~/.local/share`.
/// 3. The system's folders for libraries, where distributions put it under a name with its version; or Homebrew's.
/// 4. The system loader, by the library's common names.
package struct RuntimeLocator: Sendable {
    /// What `PITH_ONNXRUNTIME` says, nil when it is not set or empty.
    package var override: String?
    /// Folders to look into, existing or not.
    package var folders: [String]
    /// Names for the system loader.
    package var loaderNames: [String]

    /// Creates a locator from its parts.
    package init(override: String?, folders: [String], loaderNames: [String]) {
        self.override = override
        self.folders = folders
        self.loaderNames = loaderNames
    }

    /// The locator of this process, or of another environment.
    package init(environment: [String: String] = ProcessInfo.processInfo.environment) {
        func value(_ name: String) -> String? {
            environment[name].flatMap { $0.isEmpty ? nil : $0 }
        }
        let data = value("XDG_DATA_HOME") ?? value("HOME").map { $0 + "/.local/share" }
        self.init(
            override: value("PITH_ONNXRUNTIME"),
            folders: (data.map { [$0 + "/pith/onnxruntime/lib"] } ?? []) + RuntimeLocator.systemFolders,
            loaderNames: RuntimeLocator.commonNames)
    }

    #if canImport(Darwin)
        private static let systemFolders = ["/opt/homebrew/lib"]
        private static let commonNames = ["libonnxruntime.dylib"]
        private static let suffix = ".dylib"
    #else
        #if arch(arm64)
            private static let triple = "aarch64-linux-gnu"
        #else
            private static let triple = "x86_64-linux-gnu"
        #endif
        private static let systemFolders = ["/usr/local/lib", "/usr/lib/" + triple, "/usr/lib64", "/usr/lib"]
        private static let commonNames = ["libonnxruntime.so", "libonnxruntime.so.1"]
        private static let suffix = ".so"
    #endif

    /// Libraries to try, best first; files among them exist, bare names are for the loader.
    package var candidates: [String] {
        if let override {
            let found = RuntimeLocator.libraries(in: override)
            return found.isEmpty ? [override] : found
        }
        return folders.flatMap(RuntimeLocator.libraries(in:)) + loaderNames
    }

    /// The places looked at, in words, for an error message.
    package var description: String {
        if let override { return "PITH_ONNXRUNTIME (\(override))" }
        return (folders + ["the system loader (\(loaderNames.joined(separator: ", ")))"]).joined(separator: ", ")
    }

    /// ONNX Runtime's libraries in `folder`, in its `lib`, or in the `capi` of an unpacked Python package.
    private static func libraries(in folder: String) -> [String] {
        [folder, folder + "/lib", folder + "/capi"].flatMap { folder in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
            return names.filter(isLibrary).sorted(by: precedes).map { folder + "/" + $0 }
        }
    }

    /// `libonnxruntime.so`, `libonnxruntime.so.1.31.1`, `libonnxruntime.1.31.1.dylib`, but no provider library.
    private static func isLibrary(_ name: String) -> Bool {
        name.hasPrefix("libonnxruntime.") && (name.hasSuffix(suffix) || name.contains(suffix + "."))
    }

    /// The name without a version first, then the highest version.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        func numbers(_ name: String) -> [Int] { name.split(separator: ".").compactMap { Int($0) } }
        let a = numbers(left), b = numbers(right)
        guard !a.isEmpty, !b.isEmpty else { return a.count < b.count || (a == b && left < right) }
        return b.lexicographicallyPrecedes(a)
    }
}
