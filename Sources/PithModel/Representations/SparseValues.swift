public import PithTensor

/// The elements that are not zero, with their places: what ONNX calls a sparse initializer.
///
/// A file of a few bytes can announce any shape, so readers bound ``denseByteCount`` before anyone decodes.
public struct SparseValues: Representation, Equatable {
    public static let kind = "sparse-values"

    /// The elements, one axis of any number type.
    public let values: Tensor
    /// `int64` places: linear indices `[n]`, or coordinates `[n, rank]`; all inside the shape, none twice.
    public let indices: Tensor
    public let shape: Shape
    /// Bytes of the weight once it is decoded.
    public let denseByteCount: Int

    /// Joins values and places.
    ///
    /// - Throws: `ModelError` `.invalidWeight` when counts differ, a place lies outside the shape or occurs twice, or the
    ///   size of the dense form does not fit an `Int`.
    /// - Complexity: O(*n* log *n*) for *n* stored values; O(*n*) when their places ascend.
    public init(values: Tensor, indices: Tensor, shape: Shape, named name: String) throws(ModelError) {
        func failure(_ problem: String) -> ModelError {
            ModelError(
                code: .invalidWeight, subject: name, problem: problem,
                remedy: "The file is damaged; export the model again.")
        }
        let placeCount = indices.shape.rank == 2 ? indices.shape.dimensions[0] : indices.count
        guard indices.type == .int64, values.shape.rank == 1, placeCount == values.count,
            values.type != .string, values.type.bitWidth >= 8,
            indices.shape.rank == 1 || indices.shape.dimensions == [values.count, shape.rank]
        else {
            throw failure("its \(values.shape) values and \(indices.shape) indices do not describe a \(shape) tensor.")
        }
        guard let bytes = values.type.byteCount(of: shape.count) else {
            throw failure("its shape \(shape) takes more than 2^63 bits.")
        }
        self.values = values
        self.indices = indices
        self.shape = shape
        denseByteCount = bytes
        let places = offsets()
        guard places.allSatisfy({ (0..<shape.count).contains($0) }) else {
            throw failure("an index lies outside its shape \(shape).")
        }
        guard SparseValues.areDistinct(places) else { throw failure("an index occurs twice.") }
    }

    public var type: ScalarType { values.type }
    public var byteCount: Int { values.byteCount + indices.byteCount }
    public var summary: String { "\(values.count) of \(shape.count) \(values.type.rawValue) values" }

    public func decoded() -> Tensor {
        let width = values.type.bitWidth / 8, offsets = offsets()
        let storage = Storage(byteCount: denseByteCount) { target in
            values.storage.withBytes { source in
                for (position, offset) in offsets.enumerated() {
                    for byte in 0..<width {
                        target.storeBytes(
                            of: source.byte(at: position * width + byte), toByteOffset: offset * width + byte,
                            as: UInt8.self)
                    }
                }
            }
        }
        guard let tensor = try? Tensor(type: values.type, shape: shape, storage: storage) else {
            preconditionFailure("A storage of the shape's own size was refused.")
        }
        return tensor
    }

    private static func areDistinct(_ places: [Int]) -> Bool {
        func ascends(_ places: [Int]) -> Bool { zip(places, places.dropFirst()).allSatisfy { $0 < $1 } }
        return ascends(places) || ascends(places.sorted())
    }

    /// Row-major positions of the values; -1 for a coordinate outside its axis.
    private func offsets() -> [Int] {
        let numbers = indices.elements(as: Int64.self).map { Int($0) }
        guard indices.shape.rank == 2 else { return numbers }
        return (0..<values.count).map { row in
            shape.dimensions.enumerated().reduce(0) { offset, axis in
                let coordinate = numbers[row * shape.rank + axis.offset]
                guard offset >= 0, (0..<axis.element).contains(coordinate) else { return -1 }
                return offset * axis.element + coordinate
            }
        }
    }
}
