internal import PithTensor

/// Collects the weights that go into a file beside the model, in the order they are written.
struct ExternalWeights {
    /// Name of the data file, relative to the model.
    let location: String
    private(set) var storages: [Storage] = []
    private(set) var byteCount = 0

    /// Tensors below this size stay in the model file.
    static let smallest = 1024
    /// Weights start at multiples of this, so that readers can map them.
    static let alignment = 4096

    init(location: String) { self.location = location }

    /// Takes a tensor and answers the properties that tell where it lies; nil when it stays in the model file.
    mutating func place(_ storage: Storage) -> [(String, String)]? {
        guard storage.byteCount >= ExternalWeights.smallest else { return nil }
        let padding = (ExternalWeights.alignment - byteCount % ExternalWeights.alignment) % ExternalWeights.alignment
        if padding > 0 { storages.append(Storage([UInt8](repeating: 0, count: padding))) }
        let offset = byteCount + padding
        storages.append(storage)
        byteCount = offset + storage.byteCount
        return [("location", location), ("offset", "\(offset)"), ("length", "\(storage.byteCount)")]
    }
}
