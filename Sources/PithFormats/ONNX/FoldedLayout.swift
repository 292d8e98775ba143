internal import PithModel
internal import PithTensor

/// Shapes in which levels and scales broadcast against each other.
struct FoldedLayout {
    let levels: [Int]
    let scales: [Int]

    init?(_ form: GroupedIntegers) {
        let dimensions = form.shape.dimensions
        switch form.grouping {
        case .tensor:
            levels = dimensions
            scales = []
        case .channel(let axis):
            levels = dimensions
            scales = dimensions.indices.map { $0 == axis ? dimensions[axis] : 1 }
        case .block(let axis, let size):
            guard dimensions[axis].isMultiple(of: size) else { return nil }
            let groups = dimensions[axis] / size
            levels = dimensions[..<axis] + [groups, size] + dimensions[(axis + 1)...]
            scales = dimensions[..<axis] + [groups, 1] + dimensions[(axis + 1)...]
        }
    }
}
