import PithModel
import PithTensor

/// Changes of constants that belong together: all of them are made, or none.
///
/// A constant that other places read in another way is copied when it is a row or a single number that is read as it is
/// stored; a matrix never is.
struct ConstantPlan {
    private var changes: [ConstantReaders.Place: [Int: ChannelTransform]] = [:]
    private let readers: ConstantReaders
    private let graph: Graph

    /// A plan for `graph`, whose constants `readers` knows.
    init(_ graph: Graph, _ readers: ConstantReaders) {
        self.graph = graph
        self.readers = readers
    }

    /// The first constant that a recipe leaves out: a matrix by all that `selector` says; a row or a single number, which is
    /// too small for most, where it or the node that reads it is named.
    func leftOut(by selector: Selector) -> String? {
        let readers = graph.weightReaders()
        return byConstant.first { name, places in
            guard !isCopied(name, places) else {
                let names = [name] + places.map { graph.nodes[$0.node].name }
                return names.contains { !$0.isEmpty && selector.exclude.contains($0) }
            }
            let count = graph.weights[name]?.shape.count ?? 0
            return !selector.accepts(weight: name, count: count, readers: readers[name] ?? [])
        }?.name
    }

    private func source(_ place: ConstantReaders.Place) -> ConstantReaders.Source? {
        readers.source(of: graph.nodes[place.node].inputs[place.input])
    }

    /// Whether a constant is a single number, or varies along its last axis only.
    private func isRow(_ name: String) -> Bool {
        graph.weights[name].map { $0.shape.count == $0.shape.dimensions.last ?? 1 || $0.shape.count == 1 } ?? false
    }

    /// Whether a constant may be copied for `places`: a copy is stored the way the constant is, so a node that transposes
    /// it for them would be passed over.
    private func isCopied(_ name: String, _ places: [ConstantReaders.Place]) -> Bool {
        isRow(name) && places.allSatisfy { source($0)?.isTransposed == false }
    }

    /// Asks for `transform` along `axis` of what `place` reads, as it sees it; nil stands for the last axis.
    ///
    /// - Returns: Whether a constant is read there that has as many channels, and is not changed in another way.
    mutating func add(_ transform: ChannelTransform, at place: ConstantReaders.Place, axis: Int? = nil) -> Bool {
        guard let source = source(place) else { return false }
        let isSingle = source.lengths.allSatisfy { $0 == 1 } && transform.isScaling && axis == nil
        let seen = axis ?? source.lengths.count - 1
        guard isSingle || source.lengths.indices.contains(seen) && source.lengths[seen] == transform.count else {
            return false
        }
        if axis == nil { guard isSingle || isRow(source.name) && !source.isTransposed else { return false } }
        let stored = isSingle ? 0 : source.stored(seen)
        guard changes[place]?[stored] == nil else { return changes[place]?[stored] == transform }
        changes[place, default: [:]][stored] = transform
        return true
    }

    /// The first matrix that can not be changed since something else reads it too, or reads it in another way.
    var obstacle: String? {
        for (name, places) in byConstant where !isCopied(name, places) {
            guard let all = readers.places(of: name), Set(all) == Set(places),
                places.allSatisfy({ changes[$0] == changes[places[0]] })
            else { return name }
        }
        return nil
    }

    private var byConstant: [(name: String, places: [ConstantReaders.Place])] {
        var order: [String] = [], places: [String: [ConstantReaders.Place]] = [:]
        for place in changes.keys.sorted() {
            guard let name = source(place)?.name else { continue }
            if places[name] == nil { order.append(name) }
            places[name, default: []].append(place)
        }
        return order.map { ($0, places[$0] ?? []) }
    }

    /// Makes the changes and tells the trace; call it where there is no ``obstacle``.
    ///
    /// - Returns: False, with nothing changed, where a number would not be finite.
    func carryOut(on piece: inout Workpiece, note: String, by technique: String) -> Bool {
        var result = piece, names = NameSource(taken: graph.allNames)
        for (name, places) in byConstant {
            let isWhole = places.allSatisfy { changes[$0] == changes[places[0]] }
            guard let tensor = graph.weights[name]?.dense else { return false }
            let isOwn = isWhole && Set(readers.places(of: name) ?? []) == Set(places) && readers.places(of: name) != nil
            for group in isWhole ? [places] : places.map({ [$0] }) {
                guard let changed = changed(tensor, group[0]) else { return false }
                guard !isOwn || changed.shape != tensor.shape else {
                    result.model.graph.weights[name]?.form = .dense(changed)
                    result.trace.record([name], into: [name], note: note, by: technique)
                    continue
                }
                let copy = names.make(name, "_scaled")
                result.model.graph.weights[copy] = Weight(copy, changed)
                result.trace.record([name], into: [copy], note: note, by: technique)
                result.reasons[copy] = "kept: \(note)"
                for place in group { result.model.graph.nodes[place.node].inputs[place.input] = copy }
            }
            remove(name, ifUnreadIn: &result, by: technique)
        }
        piece = result
        return true
    }

    /// The numbers for one place; nil when one is not finite.
    private func changed(_ tensor: Tensor, _ place: ConstantReaders.Place) -> Tensor? {
        var tensor = tensor
        for (axis, transform) in (changes[place] ?? [:]).sorted(by: { $0.key < $1.key }) {
            if tensor.count == 1, transform.count > 1 {
                let value = Double(tensor.elements(as: Float.self)[0])
                let ones = [Int](repeating: 1, count: max(tensor.shape.rank, 1) - 1)
                guard let shape = try? Shape(ones + [transform.count]) else { return nil }
                tensor = Tensor(transform.factors.map { Float($0 * value) }, shape: shape)
            } else {
                tensor = tensor.applying(transform, along: axis)
            }
        }
        return tensor.withElements(as: Float.self) { Kernels.range(of: $0).nonFinite == 0 } ? tensor : nil
    }

    private func remove(_ name: String, ifUnreadIn piece: inout Workpiece, by technique: String) {
        let graph = piece.model.graph
        guard readers.places(of: name) != nil, !graph.nodes.contains(where: { $0.readNames.contains(name) }) else {
            return
        }
        piece.model.graph.weights[name] = nil
        piece.trace.recordRemoval(of: name, note: "no longer read", by: technique)
    }
}
