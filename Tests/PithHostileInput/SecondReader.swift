import PithReader
import PithTensor

/// What `PithReader`, which was written from the specification alone, makes of the bytes that Pith's own reader is given.
struct SecondReader {
    private let reader: ContainerReader

    /// Opens a container, of which no call may decode more than `most` bytes.
    static func open(_ container: [UInt8], most: Int) -> Result<SecondReader, ReaderError> {
        do { return .success(SecondReader(reader: try ContainerReader(container, maximumByteCount: most))) } catch {
            return .failure(error)
        }
    }

    /// What came of asking for something.
    enum Outcome<Value> {
        case found(Value)
        case refused
        /// It is above the limit, or coded by a codec that this reader leaves out.
        case leftOut

        init(_ body: () throws -> Value) {
            do { self = .found(try body()) } catch {
                let isLeftOut = [.unsupported, .tooLarge].contains((error as? ReaderError)?.code)
                self = isLeftOut ? .leftOut : .refused
            }
        }
    }

    /// The bytes of an array by its number.
    func storage(ofArrayAt index: Int) -> Outcome<Storage> { Outcome { Storage(try reader.bytes(ofArrayAt: index)) } }

    /// The numbers of a stored form by its number, as `comparable`.
    func numbers(ofFormAt index: Int) -> Outcome<[UInt32]> {
        Outcome { Self.comparable(try reader.numbers(ofFormAt: index)) }
    }

    /// Bits of numbers; all that are no numbers are alike.
    static func comparable(_ numbers: [Float]) -> [UInt32] {
        numbers.map { $0.isNaN ? Float.nan.bitPattern : $0.bitPattern }
    }

    /// The bytes of the `count` elements in a block's body.
    static func elements(of body: [UInt8], count: Int, width: Int, isRotated: Bool) -> Outcome<[UInt8]> {
        Outcome {
            try BlockDecoder(width: width, isRotated: isRotated).decoded(
                ByteReader(body, subject: "block"), count: count)
        }
    }
}

extension SecondReader.Outcome where Value: Equatable {
    /// Ends the process where both readers should say the same of `subject` and do not; `own` is nil where ours refused.
    func requireSame(as own: Value?, _ subject: String) {
        switch self {
        case .leftOut: return
        case .refused: if own != nil { fatalError("The second reader alone refuses \(subject).") }
        case .found(let value):
            guard let own else { fatalError("Ours alone refuses \(subject).") }
            if value != own { fatalError("The readers find different numbers in \(subject).") }
        }
    }
}
