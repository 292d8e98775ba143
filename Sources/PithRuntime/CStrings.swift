/// Texts as C strings that lie end to end in one block.
enum CStrings {
    /// Calls `body` with the address of each text, valid during the call; nil stays nil.
    static func withPointers<Result, Failure: Error>(
        to texts: [String?], _ body: ([UnsafePointer<CChar>?]) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var block: [CChar] = [], offsets: [Int?] = []
        for text in texts {
            offsets.append(text == nil ? nil : block.count)
            if let text { block += text.utf8.map { CChar(bitPattern: $0) } + [0] }
        }
        return try unsafe block.span.withUnsafeBufferPointer { buffer throws(Failure) in
            try unsafe body(
                offsets.map { offset in unsafe offset.flatMap { unsafe buffer.baseAddress?.advanced(by: $0) } })
        }
    }
}
