import PithModel

/// Finds out what becomes of every value when the channels of one are rotated, from node to node in both directions.
///
/// | a value is | when the stream is rotated |
/// | --- | --- |
/// | rotated | `x Q`; with a gain pending, `(x / gain) Q` |
/// | squared | the squares of rotated channels: only their sum or mean is of use |
/// | unchanged | a number for each row, such as the mean of the squares |
///
/// Each node has a rule (`StreamTracer+Rules`). What no rule covers stops the search with the reason.
///
/// - Complexity: O(nodes of the stream), each looked at a few times.
struct StreamTracer {
    /// What becomes of a value.
    enum Kind: Hashable {
        case rotated(gain: [Double]?)
        case squared, unchanged
    }

    typealias Obstacle = ResidualStream.Obstacle

    let graph: Graph
    let index: GraphIndex
    let readers: ConstantReaders
    /// What is known so far, by value.
    private(set) var kinds: [String: Kind] = [:]
    /// The constants beside the stream, by the node that reads them.
    var parts: [Int: [ResidualStream.Part]] = [:]
    var width = 0
    var keepsMeans = false
    /// Nodes that normalize.
    var normalizing: Set<Int> = []
    private var queue: [Int] = []
    private var waiting: Set<Int> = []

    /// Knows the graph and nothing of its streams.
    init(_ graph: Graph, _ index: GraphIndex, _ readers: ConstantReaders) {
        self.graph = graph
        self.index = index
        self.readers = readers
    }

    /// The rotated values that were found, also where the search ended with an obstacle.
    var rotated: Set<String> {
        Set(kinds.filter { if case .rotated = $0.value { true } else { false } }.keys)
    }

    /// The stream that `value` belongs to.
    ///
    /// - Throws: The first obstacle.
    mutating func trace(from value: String) throws(Obstacle) -> ResidualStream {
        try set(value, .rotated(gain: nil))
        var next = 0
        while next < queue.count {
            let node = queue[next]
            next += 1
            if try settle(node) {
                waiting.remove(node)
            } else {
                waiting.insert(node)
            }
        }
        if let node = waiting.min() {
            throw Obstacle(text: "\(graph.nodes[node].label) joins it with something that is not known")
        }
        return ResidualStream(
            parts: parts.sorted { $0.key < $1.key }.flatMap(\.value), values: rotated, width: width,
            normalizations: normalizing.count, keepsMeans: keepsMeans)
    }

    /// Notes what becomes of a value, and has the nodes around it looked at (again).
    ///
    /// - Throws: `Obstacle` where it becomes something else too, or is seen from outside.
    mutating func set(_ value: String, _ kind: Kind) throws(Obstacle) {
        if let known = kinds[value] {
            guard known == kind else { throw Obstacle(text: "'\(value)' would have to be two things at once") }
            return
        }
        kinds[value] = kind
        queue += index.readers[value] ?? []
        guard kind != .unchanged else { return }
        guard !index.outputs.contains(value) else { throw Obstacle(text: "'\(value)' is an output of the model") }
        guard !index.captured.contains(value) else { throw Obstacle(text: "a nested graph reads '\(value)'") }
        guard !index.pinned.contains(value) else { throw Obstacle(text: "'\(value)' is rounded to integers") }
        guard let producer = index.producers[value] else { throw Obstacle(text: "'\(value)' is an input of the model") }
        queue.append(producer)
    }

    /// Notes a constant beside the stream, along an axis of `count` channels.
    mutating func add(
        _ node: Int, _ input: Int, axis: Int? = nil, count: Int, _ change: ResidualStream.Change
    ) throws(Obstacle) {
        if width == 0 { width = count }
        guard count == width else {
            throw Obstacle(text: "\(graph.nodes[node].label) has \(count) channels of its \(width)")
        }
        let place = ConstantReaders.Place(node: node, input: input)
        let known = parts[node] ?? []
        guard !known.contains(where: { $0.place == place && $0.axis == axis && $0.change == change }) else { return }
        parts[node] = known + [ResidualStream.Part(place: place, axis: axis, change: change)]
    }
}
