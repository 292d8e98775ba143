internal import PithTensor

/// One graph input's data: the array as its file holds it, and how its rows become samples.
///
/// The array stays as it is (mapped, or inflated); `tensor(rows:)` rearranges, converts and casts only the rows asked
/// for.
struct SampleColumn: Sendable {
    /// The array as the file holds it.
    let array: Tensor
    /// Number of samples.
    let sampleCount: Int
    /// Shape of one sample.
    let sampleShape: [Int]
    /// The formula, nil to take the numbers as they are.
    let normalization: Normalization?
    /// Element type of the result.
    let type: ScalarType
    /// Names the input in errors.
    let subject: String

    /// Elements of one sample in the order of its shape.
    private let view: StridedView
    /// Distance between samples in the file, in elements.
    private let sampleStride: Int
    /// Whether each sample lies in one piece, whatever the order inside.
    private let isSliced: Bool

    /// Numbers in one sample.
    var sampleSize: Int { view.count }

    /// Describes `array` after `axes` (transposing the whole) and `shape` (reshaping each sample).
    ///
    /// - Throws: `FormatError` `.invalidCard` when `axes` or `shape` do not fit, or there are no samples.
    init(
        _ array: Tensor, axes: [Int]?, shape: [Int]?, normalization: Normalization?, type: ScalarType?, subject: String
    ) throws(FormatError) {
        func failure(_ problem: String, _ remedy: String) -> FormatError {
            FormatError(code: .invalidCard, subject: subject, problem: problem, remedy: remedy)
        }
        guard array.type.bitWidth >= 8, array.type.bitWidth <= 64, array.type != .complex64 else {
            throw FormatError(
                code: .unsupported, subject: subject, problem: "its file holds \(array.type.rawValue) numbers.",
                remedy: "Save real numbers.")
        }
        guard array.shape.rank > 0, array.count > 0 else {
            throw failure(
                "its array has the shape \(array.shape), which holds no samples.",
                "Give an array whose first axis counts samples.")
        }
        let rank = array.shape.rank, axes = axes ?? Array(0..<rank)
        guard axes.sorted() == Array(0..<rank) else {
            throw failure(
                "axes \(axes) do not name each of the \(rank) axes of \(array.shape) once.",
                "Give a permutation of 0 to \(rank - 1).")
        }
        let strides = SampleColumn.strides(of: array.shape.dimensions)
        let lengths = axes.map { array.shape.dimensions[$0] }
        let view = StridedView(dimensions: Array(lengths.dropFirst()), strides: axes.dropFirst().map { strides[$0] })
        sampleShape = shape ?? Array(lengths.dropFirst())
        guard Shape.product(of: sampleShape) == view.count else {
            throw failure(
                "a sample of shape \(lengths.dropFirst()) can not take the shape \(sampleShape).",
                "Give a shape of \(view.count) numbers.")
        }
        sampleCount = lengths[0]
        sampleStride = strides[axes[0]]
        isSliced = axes[0] == 0
        // Rows that are scattered over the file are read from the whole array each time, so it has to be aligned.
        self.array = isSliced ? array : try SampleColumn.aligned(array, subject)
        self.view = view
        self.normalization = normalization
        self.type = type ?? SampleColumn.naturalType(of: array.type, isNormalized: normalization != nil)
        self.subject = subject
        try checkChannels()
    }

    /// The type of samples for a graph that states none.
    private static func naturalType(of type: ScalarType, isNormalized: Bool) -> ScalarType {
        switch type {
        case .uint8, .int8, .float16: .float32
        default: isNormalized ? .float32 : type
        }
    }

    private static func strides(of dimensions: [Int]) -> [Int] {
        var strides = [Int](repeating: 1, count: dimensions.count)
        for axis in dimensions.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * dimensions[axis + 1]
        }
        return strides
    }

    private static func aligned(_ array: Tensor, _ subject: String) throws(FormatError) -> Tensor {
        let storage = array.storage.withBytes { Storage(copying: $0) }
        do { return try Tensor(type: array.type, shape: array.shape, storage: storage) } catch {
            throw FormatError(code: .corrupt, subject: subject, problem: error.problem, remedy: error.remedy)
        }
    }

    private func checkChannels() throws(FormatError) {
        guard let wanted = normalization?.channelCount, wanted != sampleShape.first else { return }
        let found = sampleShape.first.map { "has \($0) there" } ?? "has no such axis"
        throw FormatError(
            code: .invalidCard, subject: subject,
            problem: "`mean` and `std` list \(wanted) numbers along axis 1, and the array \(found).",
            remedy: "Bring the channels to axis 1 with `axes`, or give one number.")
    }

    /// The elements of `row` in the order of the sample's shape; a slice of the file when they lie that way.
    func elements(of row: Int) -> Storage {
        let width = array.type.bitWidth / 8
        let start = row * sampleStride
        guard isSliced else {
            return view.gathered(from: array.storage, width: width, start: start)
        }
        let sample = array.storage.slice(start * width..<(start + sampleSize) * width)
        return view.isContiguous ? sample : view.gathered(from: sample, width: width, start: 0)
    }
}
