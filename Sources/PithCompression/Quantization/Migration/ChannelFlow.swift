import PithModel
import PithTensor

/// Labels that nodes move about as they move the elements of a tensor; see ``HeadPath``.
///
/// A label is `row * channels + channel` at first. The product with attention weights, which mixes rows, turns it into
/// `head * channels + channel`.
struct ChannelFlow {
    private let channels: Int
    private var lengths: [Int]
    private var labels: [Int]
    private var isMixed = false

    /// Most labels that a node may leave: axis lengths come out of the file.
    private static let mostLabels = 1 << 24

    /// Labels for a tensor whose last axis are the channels.
    init(lengths: [Int]) {
        self.lengths = lengths
        channels = lengths.last ?? 1
        labels = Array(0..<lengths.reduce(1, *))
    }

    /// Moves the labels as `node` moves elements; answers whether it is known how.
    mutating func follow(_ node: Node, _ graph: Graph, _ facts: [String: ValueFact]) -> Bool {
        func numbers(_ input: Int) -> [Int]? {
            guard node.inputs.count > input else { return nil }
            return facts[node.inputs[input]]?.fixedContent ?? graph.weights[node.inputs[input]]?.dense?.integers()
        }
        switch node.operation {
        case "Identity": return true
        case "Reshape":
            guard node.integer("allowzero", default: 0) == 0, let shape = numbers(1) else { return false }
            return reshape(shape)
        case "Transpose":
            return transpose(node.integers("perm") ?? Array(lengths.indices.reversed()))
        case "Expand": return numbers(1).map { expand($0) } ?? false
        case "Unsqueeze", "Squeeze":
            guard let axes = node.integers("axes") ?? numbers(1) else { return false }
            return node.operation == "Squeeze" ? squeeze(axes) : unsqueeze(axes)
        case "MatMul": return mix(facts[node.inputs[0]])
        default: return false
        }
    }

    private mutating func reshape(_ shape: [Int]) -> Bool {
        var target = shape.enumerated().map { $1 == 0 && lengths.indices.contains($0) ? lengths[$0] : $1 }
        guard target.count(where: { $0 == -1 }) <= 1, target.allSatisfy({ $0 == -1 || $0 > 0 }) else { return false }
        if let open = target.firstIndex(of: -1) {
            target[open] = 1
            guard let rest = Shape.product(of: target), labels.count.isMultiple(of: rest) else { return false }
            target[open] = labels.count / rest
        }
        guard Shape.product(of: target) == labels.count else { return false }
        lengths = target
        return true
    }

    private mutating func transpose(_ order: [Int]) -> Bool {
        guard order.sorted() == Array(lengths.indices) else { return false }
        let strides = ChannelFlow.strides(lengths), turned = order.map { lengths[$0] }
        gather(turned, order.map { strides[$0] })
        return true
    }

    private mutating func expand(_ shape: [Int]) -> Bool {
        let rank = max(shape.count, lengths.count)
        let own = [Int](repeating: 1, count: rank - lengths.count) + lengths
        let wanted = [Int](repeating: 1, count: rank - shape.count) + shape
        guard zip(own, wanted).allSatisfy({ $0 == $1 || $0 == 1 || $1 == 1 }) else { return false }
        let strides = ChannelFlow.strides(own), target = zip(own, wanted).map { max($0, $1) }
        guard (Shape.product(of: target) ?? .max) <= ChannelFlow.mostLabels, target.allSatisfy({ $0 > 0 }) else {
            return false
        }
        gather(target, own.indices.map { own[$0] == 1 ? 0 : strides[$0] })
        return true
    }

    private mutating func unsqueeze(_ axes: [Int]) -> Bool {
        let rank = lengths.count + axes.count, places = Set(axes.map { $0 < 0 ? $0 + rank : $0 })
        guard places.count == axes.count, places.allSatisfy((0..<rank).contains) else { return false }
        var rest = lengths.makeIterator()
        lengths = (0..<rank).map { places.contains($0) ? 1 : rest.next() ?? 1 }
        return true
    }

    private mutating func squeeze(_ axes: [Int]) -> Bool {
        let places = Set(axes.map { $0 < 0 ? $0 + lengths.count : $0 })
        guard places.allSatisfy({ lengths.indices.contains($0) && lengths[$0] == 1 }) else { return false }
        lengths = lengths.indices.filter { !places.contains($0) }.map { lengths[$0] }
        return true
    }

    /// Sums over the second last axis with weights that are the same for all of the last: what lies there must be one
    /// channel at different rows.
    private mutating func mix(_ weights: ValueFact?) -> Bool {
        guard !isMixed, lengths.count >= 2, let factor = weights?.dimensions, factor.count == lengths.count else {
            return false
        }
        let width = lengths[lengths.count - 1], rows = lengths[lengths.count - 2]
        for (own, other) in zip(lengths, factor).dropLast(2) {
            if let other = other.constant, other != own { return false }
        }
        let outer = labels.count / max(width * rows, 1), made = factor[factor.count - 2].constant ?? rows
        guard made > 0, let count = Shape.product(of: [outer, made, width]), count <= ChannelFlow.mostLabels else {
            return false
        }
        var mixed: [Int] = []
        mixed.reserveCapacity(count)
        for head in 0..<outer {
            let first = head * rows * width
            for row in 0..<rows {
                for column in 0..<width {
                    let label = labels[first + row * width + column]
                    guard label % channels == labels[first + column] % channels,
                        label / channels == labels[first + row * width] / channels
                    else { return false }
                }
            }
            for _ in 0..<made {
                for column in 0..<width { mixed.append(head * channels + labels[first + column] % channels) }
            }
        }
        labels = mixed
        lengths[lengths.count - 2] = made
        isMixed = true
        return true
    }

    /// The heads, when each channel of the last axis is the same one of the source in every row.
    var heads: [HeadPath.Head]? {
        let width = lengths.last ?? 1
        guard isMixed, width > 0, !labels.isEmpty else { return nil }
        let first = labels[..<width].map { ($0 / channels, $0 % channels) }
        for start in stride(from: 0, to: labels.count, by: width) {
            var renamed: [Int: Int] = [:], taken: Set<Int> = []
            for column in 0..<width {
                let label = labels[start + column], head = label / channels
                guard label % channels == first[column].1 else { return nil }
                if renamed[first[column].0] == nil {
                    guard taken.insert(head).inserted else { return nil }
                    renamed[first[column].0] = head
                }
                guard renamed[first[column].0] == head else { return nil }
            }
        }
        var order: [Int] = [], members: [Int: [(source: Int, result: Int)]] = [:]
        for (column, label) in first.enumerated() {
            if members[label.0] == nil { order.append(label.0) }
            members[label.0, default: []].append((label.1, column))
        }
        let heads = order.map { head in
            let pairs = (members[head] ?? []).sorted { ($0.source, $0.result) < ($1.source, $1.result) }
            return HeadPath.Head(sources: pairs.map(\.source), results: pairs.map(\.result))
        }
        let blocks = Set(heads.map(\.sources))
        let all = blocks.flatMap(\.self)
        return Set(all).count == all.count && heads.allSatisfy({ Set($0.sources).count == $0.sources.count })
            ? heads : nil
    }

    private static func strides(_ lengths: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: lengths.count)
        for axis in lengths.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * lengths[axis + 1] }
        return strides
    }

    /// Takes the labels at the given strides in the order of the new axes.
    private mutating func gather(_ target: [Int], _ strides: [Int]) {
        var result: [Int] = [], place = [Int](repeating: 0, count: target.count), offset = 0
        let count = target.reduce(1, *)
        result.reserveCapacity(count)
        for _ in 0..<count {
            result.append(labels[offset])
            for axis in target.indices.reversed() {
                place[axis] += 1
                offset += strides[axis]
                if place[axis] < target[axis] { break }
                offset -= strides[axis] * target[axis]
                place[axis] = 0
            }
        }
        labels = result
        lengths = target
    }
}
