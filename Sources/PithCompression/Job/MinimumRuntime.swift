public import PithModel

/// The oldest ONNX Runtime that runs a model.
public enum MinimumRuntime {
    /// Newest standard operator set of each release of ONNX Runtime, from the oldest that Pith supports.
    private static let releases = [(20, "1.17"), (21, "1.18"), (22, "1.20"), (23, "1.22"), (24, "1.23"), (25, "1.24")]

    /// The release by name, such as `ONNX Runtime 1.17`.
    public static func name(of model: Model) -> String {
        let release = releases.first { model.opset <= $0.0 } ?? releases[releases.count - 1]
        return "ONNX Runtime \(release.1)"
    }
}
