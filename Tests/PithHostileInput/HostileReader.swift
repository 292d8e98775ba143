import PithCoding
import PithFormats
import PithModel
import PithTensor

/// A reader of bytes from outside, as fuzzing and the tests of bad input see it.
///
/// It may refuse the bytes with an error of its own kind; anything else (a trap, a foreign error, a result that contradicts
/// another one) ends the process.
public struct HostileReader: Sendable {
    /// Name of its folder of fail cases.
    public let name: String
    /// Small valid inputs to start from.
    public let seeds: @Sendable () throws -> [[UInt8]]
    private let body: @Sendable ([UInt8]) throws -> Void

    init(
        _ name: String, seeds: @escaping @Sendable () throws -> [[UInt8]],
        read: @escaping @Sendable ([UInt8]) throws -> Void
    ) {
        self.name = name
        self.seeds = seeds
        body = read
    }

    /// All readers.
    public static let all = [onnx, safetensors, npy, npz, idx, card, directory, blocks, container]

    /// Gives `bytes` to the reader; answers whether it took them.
    @discardableResult
    public func read(_ bytes: [UInt8]) -> Bool {
        do {
            try body(bytes)
            return true
        } catch {
            precondition(
                error is FormatError || error is CodingError || error is TensorError || error is ModelError,
                "\(name) was refused with a foreign error: \(error)")
            return false
        }
    }
}
