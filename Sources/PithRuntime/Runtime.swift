internal import CONNXRuntime
internal import Synchronization

/// A loaded ONNX Runtime library with its environment.
///
/// The library is opened at run time. Its log is off, so it prints nothing, and so is its telemetry: the environment
/// variable `ORT_DISABLE_TELEMETRY` is set in this process before the library is opened, since nothing later keeps it
/// from leaving an identifier on disk and sending events. Needs version 1.17 or later.
public final class Runtime: Sendable {
    /// The library's version, such as `1.31.1`.
    public let version: String
    /// The file the library was loaded from.
    public let libraryPath: String
    /// The library itself.
    let library: Handle

    /// The oldest version whose functions Pith can use: major, then minor.
    static let minimumVersion = [1, 17]

    private static let loaded = Mutex<Runtime?>(nil)

    /// Finds and loads ONNX Runtime; the first success is kept for the life of the process.
    ///
    /// Looks at `PITH_ONNXRUNTIME` (a library or a folder), at the folder that `make setup` fills, then asks the system
    /// loader.
    /// - Throws: `RuntimeError` `.notFound` when there is none, `.unsupportedVersion` when all there is is too old.
    public static func load() throws(RuntimeError) -> Runtime {
        let outcome: Result<Runtime, RuntimeError> = loaded.withLock { kept in
            if let kept { return .success(kept) }
            do throws(RuntimeError) {
                let runtime = try load(by: RuntimeLocator())
                kept = runtime
                return .success(runtime)
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Loads the first library that `locator` finds and that can be used; nothing is kept.
    package static func load(by locator: RuntimeLocator) throws(RuntimeError) -> Runtime {
        var refusal: RuntimeError?
        for candidate in locator.candidates {
            do throws(RuntimeError) {
                return try Runtime(library: candidate)
            } catch {
                // A library that is there and can not be used says more than names the loader does not know.
                let isFile = candidate.contains("/")
                if refusal == nil, isFile || error.code == .unsupportedVersion { refusal = error }
            }
        }
        throw refusal
            ?? RuntimeError(
                code: .notFound, subject: "ONNX Runtime",
                problem: "it is not on this machine; looked at \(locator.description).",
                remedy: Runtime.remedy)
    }

    /// Loads the library at `path`, or the one the system loader knows by that name.
    package init(library path: String) throws(RuntimeError) {
        do throws(NativeFailure) {
            library = unsafe Handle(
                try NativeFailure.checked { error in unsafe pith_ort_open(path, error) }, from: nil,
                release: { unsafe pith_ort_close($0) })
        } catch {
            throw RuntimeError(
                code: .notFound, subject: "ONNX Runtime library \(path)",
                problem: "it can not be loaded: \(error.message)",
                remedy: Runtime.remedy)
        }
        let version = unsafe library.withPointer { unsafe String(cString: pith_ort_version($0)) }
        self.version = version
        libraryPath = unsafe library.withPointer { unsafe String(cString: pith_ort_path($0)) }
        guard Runtime.supports(version: version) else {
            throw RuntimeError(
                code: .unsupportedVersion, subject: "ONNX Runtime library \(libraryPath)",
                problem: "it is version \(version), older than 1.17.", remedy: Runtime.remedy)
        }
        do throws(NativeFailure) {
            try unsafe library.withPointer { pointer throws(NativeFailure) in
                try unsafe NativeFailure.check { error in unsafe pith_ort_start(pointer, error) }
            }
        } catch {
            throw RuntimeError(
                code: .notFound, subject: "ONNX Runtime library \(libraryPath)",
                problem: "version \(version) does not start: \(error.message)", remedy: Runtime.remedy)
        }
    }

    /// Whether a version such as `1.31.1` is one whose functions Pith can use.
    package static func supports(version: String) -> Bool {
        let parts = version.split(separator: ".").prefix(2).map { part in Int(part.prefix { $0.isASCII && $0.isNumber })
        }
        guard parts.count == 2, let major = parts[0], let minor = parts[1] else { return false }
        return ![major, minor].lexicographicallyPrecedes(minimumVersion)
    }

    private static let remedy =
        "Run `make setup`, or install ONNX Runtime 1.17 or later and name its library or folder in PITH_ONNXRUNTIME."
}
