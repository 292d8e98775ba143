package import PithTensor

/// Where the arrays of a container are read from.
package protocol ArraySource {
    /// What the container holds.
    var directory: ContainerDirectory { get }

    /// The array of numbers at `index` of the directory.
    ///
    /// - Throws: `FormatError` `.corrupt` when a block it needs is damaged.
    func tensor(_ index: Int) throws(FormatError) -> Tensor
}

/// Arrays that were taken from a pipe.
struct GatheredArrays: ArraySource {
    let directory: ContainerDirectory
    let tensors: [Int: Tensor]

    func tensor(_ index: Int) -> Tensor {
        guard let tensor = tensors[index] else { preconditionFailure("Array \(index) was not taken.") }
        return tensor
    }
}
