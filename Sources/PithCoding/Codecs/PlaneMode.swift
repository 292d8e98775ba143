/// How the bytes of one plane are stored; the raw value is the first byte of a stored plane.
enum PlaneMode: UInt8 {
    /// The bytes as they are.
    case stored = 0
    /// One byte that all bytes of the plane equal.
    case constant = 1
    /// Entropy coded with one frequency table.
    case entropy = 2
    /// Entropy coded in class order with a frequency table for each class of units.
    case classes = 3
    /// Earlier pieces repeated: literals, lengths and distances as planes of their own.
    case repeats = 4
    /// A plane of its own for each class of units, in class order.
    case parts = 5
}
