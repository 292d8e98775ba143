/// The lengths of a tensor's axes, outermost first.
public struct Shape: Hashable, Sendable, Codable {
    /// Axis lengths; empty for a scalar.
    public let dimensions: [Int]
    /// The number of elements: the product of the axis lengths, and 1 for a scalar.
    public let count: Int

    /// Creates a shape from axis lengths.
    ///
    /// - Throws: `TensorError` `.invalidShape` for a negative length or a product of the lengths that are not zero past
    ///   `Int.max`, so that no part of the product overflows either.
    public init(_ dimensions: [Int]) throws(TensorError) {
        guard let count = Shape.product(of: dimensions) else {
            throw TensorError(
                code: .invalidShape, subject: "shape \(dimensions)",
                problem: "an axis is negative or the lengths multiply past 2^63 - 1.",
                remedy: "The file is damaged or was not written as a tensor; export the model again.")
        }
        self.dimensions = dimensions
        self.count = count
    }

    /// A shape whose product the caller has already checked.
    private init(checked dimensions: [Int], count: Int) {
        self.dimensions = dimensions
        self.count = count
    }

    /// A shape with no axes: one element.
    public static let scalar = Shape(checked: [], count: 1)

    /// A single axis of `length`, which must not be negative.
    public static func vector(_ length: Int) -> Shape {
        precondition(length >= 0, "An axis length must not be negative: \(length).")
        return Shape(checked: [length], count: length)
    }

    /// The product of `dimensions`, or nil when one is negative or the product of those that are not zero overflows.
    public static func product(of dimensions: [Int]) -> Int? {
        var product = 1, isEmpty = false
        for length in dimensions {
            guard length != 0 else {
                isEmpty = true
                continue
            }
            let (next, overflow) = product.multipliedReportingOverflow(by: length)
            guard length > 0, !overflow else { return nil }
            product = next
        }
        return isEmpty ? 0 : product
    }

    /// Number of axes.
    public var rank: Int { dimensions.count }

    /// The index of `axis`, counted from the end when negative; nil when it is outside `-rank..<rank`.
    public func resolved(axis: Int) -> Int? {
        let index = axis < 0 ? axis + rank : axis
        return dimensions.indices.contains(index) ? index : nil
    }

    /// Elements before, along and after `axis`: the shape seen as `[outer, length, inner]`.
    public func strides(around axis: Int) -> (outer: Int, length: Int, inner: Int) {
        let outer = dimensions[..<axis].reduce(1, *)
        let inner = dimensions[(axis + 1)...].reduce(1, *)
        return (outer, dimensions[axis], inner)
    }

    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode([Int].self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dimensions)
    }
}

extension Shape: CustomStringConvertible {
    /// Axis lengths with a cross between them, such as `64x3x3x3`, and `scalar` without axes.
    public var description: String {
        dimensions.isEmpty ? "scalar" : dimensions.map(String.init).joined(separator: "x")
    }
}
