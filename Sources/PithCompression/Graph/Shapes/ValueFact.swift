package import PithModel
package import PithTensor

/// What is known of a value before the model runs: element format, axis lengths, and small integer contents.
package struct ValueFact: Hashable, Sendable {
    /// Element format; nil when unknown.
    package var element: ScalarType?
    /// Axis lengths; nil when not even their number is known.
    package var dimensions: [Extent]?
    /// The elements of a small integer or boolean tensor in row-major order, each nil when unknown.
    package var content: [Extent?]?

    /// Element formats whose values are followed: those that shapes and their tests are computed in.
    private static let followed: Set<ScalarType> = [.int64, .int32, .bool]

    /// Most elements whose values are followed.
    package static let contentLimit = 64

    /// Creates a fact; contents that do not fill the fixed axis lengths are dropped.
    package init(element: ScalarType? = nil, dimensions: [Extent]? = nil, content: [Extent?]? = nil) {
        self.element = element
        self.dimensions = dimensions
        let lengths = dimensions.flatMap(ValueFact.fixed)
        let fits = lengths.flatMap { Shape.product(of: $0) } == content?.count
        self.content = fits && (content?.count ?? 0) <= ValueFact.contentLimit ? content : nil
    }

    /// What a constant tells about itself.
    package init(of weight: Weight) {
        let dimensions = weight.shape.dimensions.map { Extent($0) }
        let countable = ValueFact.followed.contains(weight.type)
        guard countable, weight.shape.count <= ValueFact.contentLimit, let tensor = weight.dense else {
            self.init(element: weight.type, dimensions: dimensions)
            return
        }
        self.init(
            element: weight.type, dimensions: dimensions, content: tensor.integers().map { $0.map { Extent($0) } })
    }

    /// Axis lengths when each is a number.
    package var fixedLengths: [Int]? {
        dimensions.flatMap(ValueFact.fixed)
    }

    private static func fixed(_ extents: [Extent]) -> [Int]? {
        let numbers = extents.compactMap(\.constant)
        return numbers.count == extents.count ? numbers : nil
    }

    /// The elements when each is a known number.
    package var fixedContent: [Int]? {
        guard let content else { return nil }
        let numbers = content.compactMap { $0?.constant }
        return numbers.count == content.count ? numbers : nil
    }

    /// Number of elements, as far as it is known.
    package var count: Extent? { dimensions.flatMap { Extent.product($0) } }

    /// Bytes of the value when all lengths and the element format are known.
    package var byteCount: Int? {
        guard let element, let lengths = fixedLengths, let count = Shape.product(of: lengths) else { return nil }
        return element.byteCount(of: count)
    }
}
