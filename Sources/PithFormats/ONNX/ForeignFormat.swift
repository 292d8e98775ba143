internal import PithTensor

/// Formats that are mistaken for ONNX, known by their first bytes.
///
/// An ONNX file has no mark of its own: it is a protobuf message, and what is no message fails to decode somewhere in the
/// middle, with words that help nobody.
enum ForeignFormat: CaseIterable {
    case container, archive, gguf, hdf5, numpy, pickle, safetensors, tflite

    /// What a file is called, and what can be done with it.
    var words: (name: String, remedy: String) {
        switch self {
        case .container: ("a Pith container", "Take the model out first: pith unpack FILE.pith -o MODEL.onnx.")
        case .archive: ("a ZIP archive, as PyTorch checkpoints and .npz files are", ForeignFormat.export)
        case .gguf: ("a GGUF file", ForeignFormat.export)
        case .hdf5: ("an HDF5 file, as Keras models are", ForeignFormat.export)
        case .numpy: ("a NumPy array", "Give the model; arrays go in --data.")
        case .pickle: ("a Python pickle", ForeignFormat.export)
        case .safetensors: ("a safetensors file, which holds weights and no graph", ForeignFormat.export)
        case .tflite: ("a TensorFlow Lite model", ForeignFormat.export)
        }
    }

    private static let export = "Export the model to ONNX."

    /// The format that `storage` begins like; nil for one that may be ONNX.
    init?(_ storage: Storage) {
        let bytes = storage.slice(0..<min(16, storage.byteCount)).withBytes { span in
            span.bytes
        }
        func begins(_ mark: [UInt8], at offset: Int = 0) -> Bool { bytes.dropFirst(offset).starts(with: mark) }
        let found: ForeignFormat? =
            if begins(Array(ContainerFrame.preamble.prefix(8))) {
                .container
            } else if begins([0x50, 0x4B, 3, 4]) {
                .archive
            } else if begins(Array("GGUF".utf8)) {
                .gguf
            } else if begins([0x89, 0x48, 0x44, 0x46]) {
                .hdf5
            } else if begins([0x93, 0x4E, 0x55, 0x4D]) {
                .numpy
            } else if begins([0x80]) && bytes.count > 1 && (2...5).contains(bytes[1]) {
                .pickle
            } else if begins([0, 0, UInt8(ascii: "{")], at: 6) {
                .safetensors
            } else if begins(Array("TFL3".utf8), at: 4) {
                .tflite
            } else {
                nil
            }
        guard let found else { return nil }
        self = found
    }
}
