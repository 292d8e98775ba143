internal import PithModel
internal import PithTensor

/// Shapes in which levels and scales broadcast against each other.
struct FoldedLayout {
    /// Axis lengths of the levels; a blocked axis stands as blocks and places inside one, the last block full.
    let levels: [Int]
    let scales: [Int]
    /// The blocked axis and the length of its blocks together, when the last one is not full.
    let ragged: (axis: Int, padded: Int)?

    init(_ form: GroupedIntegers) {
        let dimensions = form.shape.dimensions
        switch form.grouping {
        case .tensor:
            (levels, scales, ragged) = (dimensions, [], nil)
        case .channel(let axis):
            (levels, scales, ragged) = (
                dimensions, dimensions.indices.map { $0 == axis ? dimensions[axis] : 1 }, nil
            )
        case .block(let axis, let size):
            let groups = form.scales.shape.dimensions[axis]
            levels = dimensions[..<axis] + [groups, size] + dimensions[(axis + 1)...]
            scales = dimensions[..<axis] + [groups, 1] + dimensions[(axis + 1)...]
            ragged = dimensions[axis] == groups * size ? nil : (axis, groups * size)
        }
    }
}
