import PithModel
import PithTensor

/// An activation of the main graph with the products that multiply it with constant matrices: what is taken from one is
/// given to the others.
struct ProductGroup: Sendable {
    /// A `MatMul` or `Gemm`.
    struct Product: Sendable {
        /// Where it reads its matrix.
        let place: ConstantReaders.Place
        /// The stored matrix.
        let weight: String
        /// The stored axis along which the activation's channels lie.
        let axis: Int
    }

    /// The activation.
    let value: String
    /// Its products, in the order of the graph.
    let products: [Product]
    /// Channels of the activation.
    let channels: Int
    /// Whether nothing but the products reads the activation, so that it can be made in another way.
    let isComplete: Bool

    /// The groups of `graph`, of the products that `isChosen` accepts, in the order of the graph.
    ///
    /// A matrix that anything but the products of one activation reads is in no group, nor are the others it stands with.
    static func all(
        in graph: Graph, _ readers: ConstantReaders, where isChosen: (Product) -> Bool = { _ in true }
    ) -> [ProductGroup] {
        let index = GraphIndex(graph)
        var order: [String] = [], byValue: [String: [Product]] = [:]
        for (position, node) in graph.nodes.enumerated() {
            guard let product = product(node, at: position, readers), isChosen(product) else { continue }
            if byValue[node.inputs[0]] == nil { order.append(node.inputs[0]) }
            byValue[node.inputs[0], default: []].append(product)
        }
        return order.compactMap { value in
            let products = byValue[value] ?? [], places = Set(products.map(\.place))
            let lengths = Set(products.compactMap { graph.weights[$0.weight]?.shape.dimensions[$0.axis] })
            guard lengths.count == 1, let channels = lengths.first,
                products.allSatisfy({ readers.places(of: $0.weight)?.allSatisfy(places.contains) ?? false })
            else { return nil }
            let isFree =
                !index.outputs.contains(value) && !index.captured.contains(value)
                && !index.pinned.contains(value) && !index.inputs.contains(value)
            return ProductGroup(
                value: value, products: products, channels: channels,
                isComplete: isFree && index.readers[value]?.count == products.count)
        }
    }

    private static func product(_ node: Node, at position: Int, _ readers: ConstantReaders) -> Product? {
        guard let axis = inputAxis(of: node), readers.source(of: node.inputs[0]) == nil,
            let source = readers.source(of: node.inputs[1]), source.lengths.count == 2
        else { return nil }
        return Product(
            place: ConstantReaders.Place(node: position, input: 1), weight: source.name, axis: source.stored(axis))
    }

    /// The axis of its second input that a `MatMul` or `Gemm` sums over; nil for other nodes.
    static func inputAxis(of node: Node) -> Int? {
        guard node.isStandard(oneOf: ["MatMul", "Gemm"]), node.inputs.count > 1,
            node.isStandard("MatMul") || node.integer("transA", default: 0) == 0
        else { return nil }
        return node.isStandard("Gemm") && node.integer("transB", default: 0) != 0 ? 1 : 0
    }

    /// The matrices, each once, with the axis of the activation's channels, by name.
    var weights: [(name: String, axis: Int)] {
        var seen: Set<String> = []
        return products.filter { seen.insert($0.weight).inserted }.map { ($0.weight, $0.axis) }
            .sorted { $0.name < $1.name }
    }
}
