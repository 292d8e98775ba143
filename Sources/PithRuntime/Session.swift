internal import CONNXRuntime
public import PithModel
public import PithTensor
internal import Synchronization

/// A model loaded into ONNX Runtime, ready to run.
///
/// Runs on the CPU. With the same runtime, machine, options and inputs every run gives the same bits.
public final class Session: Sendable {
    /// A value the model takes or gives.
    public struct Port: Sendable {
        /// The name it is known by.
        public let name: String
        /// Nil for sequences, maps and optionals, and for element types Pith does not know.
        public let element: ScalarType?
        /// Axis lengths, outermost first; empty for a scalar and where the model does not state the number of axes.
        public let dimensions: [ValueType.Dimension]
        /// What the value is.
        let kind: NativeType.Kind
    }

    /// What every run needs, in the model's order.
    public let inputs: [Port]
    /// What a run can give, in the model's order.
    public let outputs: [Port]
    /// Weights that the file also lists as inputs: a run may replace them.
    public let overridableInputs: [Port]

    /// The model's path or name, for messages.
    package let subject: String
    let runtime: Runtime
    let handle: Handle
    /// Places of inputs by name; overridable inputs follow the inputs.
    let feedIndices: [String: Int]
    let fetchIndices: [String: Int]
    /// Whether the runtime is recording what runs.
    let isProfiling: Mutex<Bool>
    /// The model's bytes where the runtime reads them in place.
    private let bytes: Storage?

    /// Loads the model in the file at `path`; its external data is looked for beside it.
    ///
    /// - Throws: `RuntimeError` as `Runtime.load()` does, and `.invalidModel` with the runtime's own words when it refuses
    ///   the model or an option.
    public convenience init(path: String, options: SessionOptions = SessionOptions()) throws(RuntimeError) {
        try self.init(path: path, options: options, runtime: Runtime.load())
    }

    /// Loads the model in `bytes`, which messages call `name`; it can not refer to external data.
    ///
    /// - Throws: `RuntimeError` as `init(path:options:)` does.
    public convenience init(
        bytes: [UInt8], name: String, options: SessionOptions = SessionOptions()
    ) throws(RuntimeError) {
        try self.init(bytes: bytes, name: name, options: options, runtime: Runtime.load())
    }

    /// Loads the model at `path` into a runtime of the caller's choice.
    package convenience init(path: String, options: SessionOptions, runtime: Runtime) throws(RuntimeError) {
        try self.init(path: path, storage: nil, subject: path, options: options, runtime: runtime)
    }

    /// Loads the model in `bytes` into a runtime of the caller's choice.
    package convenience init(
        bytes: [UInt8], name: String, options: SessionOptions, runtime: Runtime
    ) throws(RuntimeError) {
        try self.init(path: nil, storage: Storage(bytes), subject: name, options: options, runtime: runtime)
    }

    private init(
        path: String?, storage: Storage?, subject: String, options: SessionOptions, runtime: Runtime
    ) throws(RuntimeError) {
        let handle: Handle
        do throws(NativeFailure) {
            handle = try Session.open(path: path, storage: storage, options: options, library: runtime.library)
        } catch {
            throw RuntimeError(
                code: .invalidModel, subject: subject,
                problem: "ONNX Runtime \(runtime.version) does not load it: \(error.message)",
                remedy: "Check that the file is a whole ONNX model of operators this runtime knows.")
        }
        self.subject = subject
        self.runtime = runtime
        self.handle = handle
        inputs = Session.ports(handle, role: pith_ort_role_input)
        outputs = Session.ports(handle, role: pith_ort_role_output)
        overridableInputs = Session.ports(handle, role: pith_ort_role_overridable)
        feedIndices = Session.places(inputs + overridableInputs)
        fetchIndices = Session.places(outputs)
        isProfiling = Mutex(options.profilePrefix != nil)
        // The runtime takes ONNX models apart when it loads them; only its own format can be used in place, on request.
        bytes = options.configuration["session.use_ort_model_bytes_directly"] == "1" ? storage : nil
    }

    deinit { discardProfile() }

    private static func open(
        path: String?, storage: Storage?, options: SessionOptions, library: Handle
    ) throws(NativeFailure) -> Handle {
        let entries = options.configuration.sorted { $0.key < $1.key }
        let texts =
            [path, options.profilePrefix, options.optimizedModelPath] + entries.map(\.key) + entries.map(\.value)
        let bytes = storage ?? Storage([UInt8]())
        let pointer = try unsafe CStrings.withPointers(to: texts) { texts throws(NativeFailure) in
            let keys = unsafe Array(texts[3..<3 + entries.count]), values = unsafe Array(texts[(3 + entries.count)...])
            return try unsafe keys.span.withUnsafeBufferPointer { keys throws(NativeFailure) in
                try unsafe values.span.withUnsafeBufferPointer { values throws(NativeFailure) in
                    var native = unsafe pith_ort_options(
                        threads: Int32(clamping: options.threads), optimization: options.optimization.number,
                        profile_prefix: texts[1], optimized_path: texts[2], keys: keys.baseAddress,
                        values: values.baseAddress, entry_count: entries.count)
                    return try unsafe library.withPointer { ort throws(NativeFailure) in
                        try unsafe bytes.withUnsafeBytes { bytes throws(NativeFailure) in
                            try unsafe NativeFailure.checked { error in
                                unsafe pith_ort_session_open(
                                    ort, texts[0], bytes.baseAddress, bytes.count, &native, error)
                            }
                        }
                    }
                }
            }
        }
        return unsafe Handle(pointer, from: library) { unsafe pith_ort_session_close($0) }
    }

    private static func ports(_ handle: Handle, role: some BinaryInteger) -> [Port] {
        let role = Int32(role)
        return unsafe handle.withPointer { session in
            unsafe (0..<pith_ort_port_count(session, role)).map { index in
                let type = unsafe NativeType(pith_ort_port_type(session, role, index).pointee)
                return unsafe Port(
                    name: String(cString: pith_ort_port_name(session, role, index)), element: type.element,
                    dimensions: type.dimensions, kind: type.kind)
            }
        }
    }

    private static func places(_ ports: [Port]) -> [String: Int] {
        Dictionary(ports.enumerated().map { ($0.element.name, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }
}
