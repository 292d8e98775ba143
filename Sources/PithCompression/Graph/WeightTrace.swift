/// Where the weights of the input went: filled by every change of the set of weights.
///
/// Names are qualified by the graph they stand in (`If_0.then_branch/weight`), as in `GraphPath.qualified`.
public struct WeightTrace: Sendable {
    /// One change: `results` are made from `sources`.
    public struct Event: Sendable, Hashable {
        /// Weights that were read; empty for results a step made from no weight.
        public var sources: [String]
        /// Weights that hold what the sources held; empty when the sources were removed.
        public var results: [String]
        /// What happened, for people.
        public var note: String
        /// The technique that made it.
        public var technique: String

        /// Creates an event.
        public init(sources: [String], results: [String], note: String, technique: String = CleanUp.name) {
            self.sources = sources
            self.results = results
            self.note = note
            self.technique = technique
        }
    }

    /// What became of one weight.
    public struct Fate: Sendable, Hashable {
        /// Weights of the result that hold it or were computed from it; empty when nothing of it is left.
        public var names: [String]
        /// What happened to it, in order; empty when it was left alone.
        public var notes: [String]
        /// The technique that touched it last; nil when it was left alone.
        public var technique: String?

        /// Creates a fate.
        public init(names: [String], notes: [String], technique: String? = nil) {
            self.names = names
            self.notes = notes
            self.technique = technique ?? (notes.isEmpty ? nil : CleanUp.name)
        }
    }

    /// The changes in the order they were made.
    public private(set) var events: [Event] = []

    /// A trace of nothing.
    public init() {}

    /// Notes that `results` were made from `sources`, which stay until an event without results removes them.
    ///
    /// Results without sources are new: parameters a step had to write down.
    public mutating func record(
        _ sources: [String], into results: [String], note: String, by technique: String = CleanUp.name
    ) {
        events.append(Event(sources: sources, results: results, note: note, technique: technique))
    }

    /// Notes that a weight is gone from its graph.
    public mutating func recordRemoval(of name: String, note: String, by technique: String = CleanUp.name) {
        events.append(Event(sources: [name], results: [], note: note, technique: technique))
    }

    /// The weights of the result that `name` of the input went into, with the notes on the way.
    ///
    /// - Complexity: O(events).
    public func fate(of name: String) -> Fate {
        var current = [name], notes: [String] = [], technique: String?
        for event in events where event.sources.contains(where: current.contains) {
            if event.results.isEmpty {
                current.removeAll(where: event.sources.contains)
                guard current.isEmpty else { continue }
            } else {
                current += event.results.filter { !current.contains($0) }
            }
            // A weight made from this one that turned out the same is no news about this one.
            guard event.results != [name] || event.sources.contains(name) else { continue }
            if notes.last != event.note { notes.append(event.note) }
            technique = event.technique
        }
        return Fate(names: current, notes: notes, technique: technique)
    }
}
