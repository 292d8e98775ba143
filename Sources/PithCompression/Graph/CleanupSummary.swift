/// What a clean-up did to a model.
public struct CleanupSummary: Sendable {
    /// Sizes of a model, nested graphs included.
    public struct Counts: Sendable, Hashable {
        /// Number of nodes.
        public var nodes: Int
        /// Number of weights.
        public var weights: Int
        /// Bytes of all weights in their current form.
        public var weightBytes: Int

        /// Creates counts.
        public init(nodes: Int, weights: Int, weightBytes: Int) {
            self.nodes = nodes
            self.weights = weights
            self.weightBytes = weightBytes
        }
    }

    /// Before the clean-up.
    public var before: Counts
    /// After it.
    public var after: Counts
    /// Bytes of exporters' traces that were dropped.
    public var strippedBytes: Int
    /// How often each pass changed something, by its name.
    public var changes: [String: Int]
    /// Number of rounds over all passes until nothing changed.
    public var rounds: Int
}

extension CleanupSummary: CustomStringConvertible {
    /// One line for people, such as `graph: 111 nodes are now 54, 40 weights now 48`.
    public var description: String {
        var text = "graph: \(before.nodes) nodes are now \(after.nodes), \(before.weights) weights now \(after.weights)"
        if strippedBytes > 0 { text += "; \(strippedBytes) bytes of exporters' traces dropped" }
        return text
    }
}
