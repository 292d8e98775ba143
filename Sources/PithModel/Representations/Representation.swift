public import PithTensor

/// A stored form of one weight: what is written to disk, and the way back to numbers.
///
/// Decoders know representations, never techniques, so files stay readable
/// after the technique that produced them is renamed, tuned or removed.
public protocol Representation: Sendable {
    /// Stable name in ledgers and containers, such as `grouped-integers`.
    static var kind: String { get }

    /// Shape of the decoded weight.
    var shape: Shape { get }

    /// Element format of the decoded weight.
    var type: ScalarType { get }

    /// Size of the parts before entropy coding, in bytes.
    var byteCount: Int { get }

    /// A few words for people: the kind with what matters about it, such as `int8 per channel`.
    var summary: String { get }

    /// Rebuilds the weight, exactly for lossless kinds and within the documented error otherwise.
    func decoded() -> Tensor
}
