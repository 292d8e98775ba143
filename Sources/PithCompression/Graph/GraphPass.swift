package import PithModel

/// One clean-up step over a whole model, nested graphs included.
package protocol GraphPass: Sendable {
    /// Stable name in summaries, such as `identities`.
    static var name: String { get }

    /// Changes `model` where the step applies, and tells `trace` of every weight that moved, merged or went away.
    ///
    /// - Returns: whether anything changed.
    func apply(to model: inout Model, trace: inout WeightTrace) throws -> Bool
}
