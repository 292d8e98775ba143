/// One way to make a model smaller.
///
/// A conforming type is a plain value whose stored properties are its settings: they are the recipe's keys, decoded
/// by `Codable`. Adding a technique is adding one file with one such type and naming it in `Catalog`.
public protocol Technique: Codable, Sendable {
    /// Stable name in recipes and ledgers, such as `quantize.weights`.
    static var name: String { get }

    /// Whether a stage's `where` means anything to it; where not, recipes that give one are refused.
    static var takesSelector: Bool { get }

    /// Creates the technique with its default settings.
    init()

    /// Refuses settings outside their range or that contradict each other.
    ///
    /// - Throws: `CompressionError` `.invalidSetting`, which names the setting and its range.
    func validate() throws(CompressionError)

    /// Changes the model on the bench: its weights, its activations' formats, its graph.
    func apply(to piece: inout Workpiece, in context: StageContext) async throws
}

extension Technique {
    public static var takesSelector: Bool { true }

    public func validate() throws(CompressionError) {}

    /// A refusal of one setting.
    static func invalid(_ setting: String, _ problem: String, remedy: String) -> CompressionError {
        CompressionError(code: .invalidSetting, subject: "\(name) \(setting)", problem: problem, remedy: remedy)
    }
}
