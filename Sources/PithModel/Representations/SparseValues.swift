public import PithTensor

/// The elements that are not zero, with their places: what ONNX calls a sparse initializer.
public struct SparseValues: Representation, Equatable {
    public static let kind = "sparse-values"

    /// Most bytes that the dense form may take: 4 GiB.
    public static let largestDenseForm = 1 << 32

    /// The elements, one axis of any number type.
    public let values: Tensor
    /// `int64` places: linear indices `[n]`, or coordinates `[n, rank]`; all inside the shape.
    public let indices: Tensor
    public let shape: Shape

    /// Joins values and places.
    ///
    /// - Throws: `ModelError` `.invalidWeight` when counts differ, a place lies outside the shape, or the dense form
    ///   would take more than `largestDenseForm` bytes: a file of a few bytes can announce any shape.
    public init(values: Tensor, indices: Tensor, shape: Shape, named name: String) throws(ModelError) {
        func failure(_ problem: String) -> ModelError {
            ModelError(
                code: .invalidWeight, subject: name, problem: problem,
                remedy: "The file is damaged; export the model again.")
        }
        let places = indices.shape.rank == 2 ? indices.shape.dimensions[0] : indices.count
        guard indices.type == .int64, values.shape.rank == 1, places == values.count,
            values.type != .string, values.type.bitWidth >= 8,
            indices.shape.rank == 1 || indices.shape.dimensions == [values.count, shape.rank]
        else {
            throw failure("its \(values.shape) values and \(indices.shape) indices do not describe a \(shape) tensor.")
        }
        guard let bytes = values.type.byteCount(of: shape.count), bytes <= SparseValues.largestDenseForm else {
            throw failure("its shape \(shape) takes more than \(SparseValues.largestDenseForm) bytes.")
        }
        self.values = values
        self.indices = indices
        self.shape = shape
        guard offsets().allSatisfy({ (0..<shape.count).contains($0) }) else {
            throw failure("an index lies outside its shape \(shape).")
        }
    }

    public var type: ScalarType { values.type }
    public var byteCount: Int { values.byteCount + indices.byteCount }
    public var summary: String { "\(values.count) of \(shape.count) \(values.type.rawValue) values" }

    public func decoded() -> Tensor {
        let width = values.type.bitWidth / 8, offsets = offsets()
        let storage = Storage(byteCount: shape.count * width) { target in
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
