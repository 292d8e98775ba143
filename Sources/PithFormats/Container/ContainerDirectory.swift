package import PithCoding
package import PithTensor

/// What a container holds: files, the arrays in them, and the blocks that hold the arrays' elements.
///
/// Every byte of a file belongs to one array: a weight, or the text of what stands between the weights. The blocks hold the
/// elements of the arrays that have content of their own, each array's in order.
package struct ContainerDirectory: Equatable, Sendable {
    /// A file as a run of pieces.
    package struct File: Equatable, Sendable {
        /// Path relative to the first file's folder.
        package let name: String
        package let byteCount: Int
        package let pieces: [Piece]
    }

    /// The next bytes of an array.
    package struct Piece: Equatable, Sendable {
        package let array: Int
        package let byteCount: Int
    }

    /// An array of numbers, or the text between them.
    package struct Array: Equatable, Sendable {
        package let name: String
        /// The element type; nil for text.
        package let type: ScalarType?
        package let shape: Shape
        package let byteCount: Int
        /// The earlier array with the same bytes, when there is one; the blocks hold that one's.
        package let original: Int?

        /// How its elements are coded.
        package var layout: NumberLayout { type.map { NumberLayout($0) } ?? .text }
        /// Elements as they are coded.
        package var elementCount: Int { byteCount / layout.width }
    }

    /// Elements of one or more arrays that are coded together.
    package struct Block: Equatable, Sendable {
        package let segments: [Segment]

        /// Elements in the block.
        package var elementCount: Int { segments.reduce(0) { $0 + $1.count } }
    }

    /// The next elements of an array.
    package struct Segment: Equatable, Sendable {
        package let array: Int
        /// The first of them, which follows from the segments before.
        package let start: Int
        package let count: Int
    }

    /// The format the files are in.
    package let kind: String
    package let files: [File]
    package let arrays: [Array]
    package let blocks: [Block]
    /// The stored forms of weights that are more than one array.
    package let forms: [NamedForm]
    /// Arrays that a reader wants first; their blocks lie before those of other arrays of numbers.
    package let hot: [Int]
    /// For each array, where its bytes lie in the files.
    package let places: [[Place]]

    /// A run of an array's bytes in a file.
    package struct Place: Equatable, Sendable {
        /// First byte, counted in the array.
        package let start: Int
        package let byteCount: Int
        package let file: Int
        /// First byte, counted in the file.
        package let offset: Int
    }

    /// Joins the parts and works out where the arrays lie.
    ///
    /// - Throws: `CodingError` `.corrupt` when a piece, an original or a segment leaves its array, the bytes of a file
    ///   do not add up, an array is not used and coded once, or a form names what is no array of numbers.
    package init(
        kind: String, files: [File], arrays: [Array], blocks: [Block], forms: [NamedForm] = [], hot: [Int] = [],
        named subject: String
    ) throws(CodingError) {
        self.forms = forms
        self.hot = hot
        self.kind = kind
        self.files = files
        self.arrays = arrays
        self.blocks = blocks
        let check = DirectoryCheck(subject: subject)
        try check.arrays(arrays)
        try check.blocks(blocks, of: arrays)
        try check.uses(forms, hot, of: arrays)
        places = try check.places(files, arrays)
        var copies = [[Int]](repeating: [], count: arrays.count)
        for (index, array) in arrays.enumerated() { copies[array.original ?? index].append(index) }
        self.copies = copies
    }

    /// For each array with content of its own the arrays that hold it: itself, then those with the same.
    package let copies: [[Int]]

    /// The first array of numbers called `name`, byte for byte.
    func index(ofArray name: String) -> Int? {
        arrays.indices.first { arrays[$0].type != nil && arrays[$0].name.isExactly(name) }
    }

    /// The weights by name; the text between them is left out.
    package var weights: [Int] { arrays.indices.filter { arrays[$0].type != nil } }
}
