import CDigits
import Foundation

/// The example of `Examples/Digits`, kept inside the program.
enum EmbeddedDigits {
    /// Writes model, data and data card into `folder`, under the names they have in the package.
    ///
    /// - Throws: An error of the file system.
    static func write(to folder: URL) throws {
        let files = [
            ("digits.onnx", bytes(pith_digits_model_size(), pith_digits_model_byte)),
            ("digits.npz", bytes(pith_digits_data_size(), pith_digits_data_byte)),
            ("digits.yaml", bytes(pith_digits_card_size(), pith_digits_card_byte)),
        ]
        for (name, content) in files { try content.write(to: folder.appendingPathComponent(name)) }
    }

    private static func bytes(_ count: Int, _ byte: (Int) -> UInt8) -> Data {
        Data((0..<count).lazy.map(byte))
    }
}
