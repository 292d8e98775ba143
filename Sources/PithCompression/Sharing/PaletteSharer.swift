import PithModel
import PithTensor

/// Stores a weight of few distinct values as a list of them and a byte for each element, without loss.
///
/// Masks, tables of positions, and weights that somebody has already rounded have few values. A runtime reads them back
/// by `Gather` once, when it loads the model: up to a quarter of the bytes, the same numbers bit for bit, the same speed.
///
/// - Error bound: 0; values are told apart by their bits, so NaN, infinities and both zeros come back as they were.
/// - Complexity: O(elements).
/// - Reference: Han et al., "Deep Compression", ICLR 2016, arXiv:1510.00149, section 3 (weights as indices into a
///   table).
/// - Deviation: only weights that are such tables already are taken; nothing is clustered.
public struct PaletteSharer: WeightTechnique {
    public static let name = "share.palette"

    /// Weights with fewer elements stay as they are.
    public var minimumCount = 1024
    /// Weights with more distinct values stay as they are.
    public var mostValues = 256

    public init() {}

    public func validate() throws(CompressionError) {
        guard (1...256).contains(mostValues) else {
            throw Self.invalid("mostValues", "\(mostValues) is not from 1 to 256.", remedy: "Use 256.")
        }
    }

    public func apply(to piece: inout Workpiece, in context: StageContext) async throws {
        guard piece.model.opset >= 6 else {
            return piece.note(
                "No weight is put into a palette: operator set \(piece.model.opset) has no Cast of uint8.")
        }
        try await encodeWeights(of: &piece, in: context)
    }

    func plan(for tensor: Tensor, readers: [WeightReader]) -> Result<Codebook, KeptReason> {
        guard tensor.type == .float32 else {
            return .failure(
                KeptReason(text: "only float32 weights are put into palettes, it is \(tensor.type.rawValue)"))
        }
        guard let form = PaletteSharer.palette(of: tensor, most: mostValues) else {
            return .failure(KeptReason(text: "it has more than \(mostValues) distinct values"))
        }
        guard form.byteCount + PaletteSharer.nodeBytes < tensor.byteCount else {
            return .failure(KeptReason(text: "\(form.values.count) distinct values are too many to gain anything"))
        }
        return .success(form)
    }

    func encode(
        _ tensor: Tensor, named name: String, _ form: Codebook
    ) throws(CompressionError) -> any Representation { form }

    /// What the operators that read a palette take in a file, about.
    private static let nodeBytes = 200

    /// The numbers of `tensor` in the order in which they first come; nil where there are more than `most`.
    private static func palette(of tensor: Tensor, most: Int) -> Codebook? {
        tensor.withElements(as: Float.self) { numbers in
            var known: [UInt32: UInt8] = [:], values: [Float] = []
            var indices = [UInt8](repeating: 0, count: numbers.count)
            // Neighbours are often equal, and a table of 256 need not be searched for those.
            var last: (bits: UInt32, index: UInt8)?
            for position in 0..<numbers.count {
                let bits = numbers[position].bitPattern
                if last?.bits != bits {
                    if let index = known[bits] {
                        last = (bits, index)
                    } else {
                        guard values.count < most else { return nil }
                        let index = UInt8(values.count)
                        known[bits] = index
                        values.append(numbers[position])
                        last = (bits, index)
                    }
                }
                indices[position] = last?.index ?? 0
            }
            return Codebook(indices: Tensor(indices, shape: tensor.shape), values: Tensor(vector: values))
        }
    }
}
