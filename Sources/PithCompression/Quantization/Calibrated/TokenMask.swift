import PithEvaluation
package import PithTensor

/// Which positions of a batch of sequences hold tokens and which only fill them up to one length.
///
/// Models of text have an input for it, called `attention_mask` or `input_mask` by those who write them: 0 at padding.
/// What a layer computes at padding is looked at by nobody, so its errors there do not count.
package struct TokenMask {
    /// For each position, sequence after sequence, whether it holds a token.
    package let positions: [Bool]

    private static let names = ["attention_mask", "input_mask"]

    /// Reads the mask among the inputs of a run; nil when there is none.
    package init?(_ inputs: [String: Tensor]) {
        guard let mask = TokenMask.names.compactMap({ inputs[$0] }).first, mask.shape.rank == 2,
            let values = mask.floats()
        else { return nil }
        positions = values.map { $0 != 0 }
    }

    /// The rows of `width` numbers at tokens; all of them when `values` do not have a row for each position.
    package func chosen(_ values: [Float], width: Int) -> [Float] {
        guard values.count == positions.count * width else { return values }
        return positions.indices.flatMap { positions[$0] ? values[$0 * width..<($0 + 1) * width] : [] }
    }
}
